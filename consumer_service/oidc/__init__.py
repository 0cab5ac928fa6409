"""Signing in by the word of an identity provider (OpenID Connect), beside local sign-in."""
