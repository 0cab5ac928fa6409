"""Pictures of good moments, for people to look at and for the README; taken only where somebody asks for them."""

import os

from playwright.sync_api import Page

WANTED = os.environ.get("E2E_SCREENSHOTS", "")
"""Folder to leave them in."""


def picture(page: Page, name: str) -> None:
    """Keep what is in sight of ``page`` as ``e2e-<name>.png``."""
    if WANTED:
        page.screenshot(path=f"{WANTED}/e2e-{name}.png", animations="disabled")
