"""Profile options: what self-service registration does is set here, and counts at once."""
