"""CROSSING: the only room where httpx and fastapi meet wire and signing."""
