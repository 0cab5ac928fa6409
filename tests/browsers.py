"""A real browser for tests: how it is started, and what axe finds on the page it shows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.patience import PATIENCE_MS

CHROMIUM = Path("/usr/bin/chromium")
DESKTOP = {"width": 1280, "height": 900}
TABLET = {"width": 820, "height": 1180}
PHONE = {"width": 390, "height": 844}
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
LAYOUT_FAULTS = Path(__file__).with_name("layout_faults.js").read_text(encoding="utf-8")
"""An expression: what people would see is wrong with how the page is laid out at its present width, in words."""
SHOTS = os.environ.get("CONSOLE_SCREENSHOTS", "")
"""Folder to leave pictures of the pages in, for people to look at."""

_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP plain.example 127.0.0.1",
]  # fmt: skip


@contextmanager
def launched() -> Iterator[Browser]:
    """Debian's chromium. Where it is missing a person's run skips; in CI it must be there."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: install the Debian package chromium")
        pytest.skip(f"{CHROMIUM} is missing")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_FLAGS, timeout=PATIENCE_MS)
        yield chromium
        chromium.close()


def violations(page: Page, name: str) -> list[str]:
    """What axe finds in light on a desk and in dark on a phone, and what is laid out badly there and between.

    The page's policy has to let axe in.
    """
    found = []
    page.evaluate(AXE)
    for scheme, size in (("light", DESKTOP), ("light", TABLET), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        if size is not TABLET:
            result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            for violation in result["violations"]:
                found += [f"{name} {scheme}: {violation['id']} {node['target']}" for node in violation["nodes"]]
        found += [f"{name} at {size['width']}: {fault}" for fault in page.evaluate(LAYOUT_FAULTS)]
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{size['width']}.png", full_page=True, animations="disabled")
    page.set_viewport_size(DESKTOP)
    return found
