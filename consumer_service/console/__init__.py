"""The consumer's console: pages for people, over the same use cases as the API."""

from consumer_service.console.assembly import harden, setup

__all__ = ["harden", "setup"]
