"""The contact's consent: pushed authorization request, decision, one-time code (RFC 9126, RFC 6749, RFC 7636)."""
