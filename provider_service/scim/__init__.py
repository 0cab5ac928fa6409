"""The embedded directory, served to other software by SCIM 2.0 (RFC 7643, RFC 7644; design: self_service.md)."""
