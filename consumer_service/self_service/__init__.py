"""Requests for access at providers, submitted for people of this instance over its connections."""
