"""Somebody who has no mouse: goes on by Tab, and has to see at every stop where they are."""

from playwright.sync_api import Page

_STOPS = 120
"""More than any page has."""

_FOCUS = """() => {
  const at = document.activeElement, look = getComputedStyle(at), box = at.getBoundingClientRect();
  if (at === document.body) return null;
  const words = at.labels?.length ? at.labels[0].innerText : at.getAttribute("aria-label") || at.innerText;
  const within = !at.matches(":focus");  // the button in a date's field, which the browser itself draws and rings
  const drawn = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
  const ringed = within || (at.matches(":focus-visible") && drawn);
  const middle = (from, to, end) => (Math.max(from, 0) + Math.min(to, end)) / 2;  // of what is in the window
  const [x, y] = [middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight)];
  return {name: words.trim().split("\\n")[0], seen: ringed && at.contains(document.elementFromPoint(x, y))};
}"""
"""The name of what has the focus, and whether one sees it: ringed, in the window, and under nothing else."""


class Keyboard:
    """A page that is used by its keys alone."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, name: str) -> "Keyboard":
        """Go on by Tab until what is called ``name`` has the focus."""
        passed = []
        for _ in range(_STOPS):
            self.page.keyboard.press("Tab")
            at = self.page.evaluate(_FOCUS)
            if at is None:  # the browser's own bar, between the page's end and its beginning
                continue
            assert at["seen"], f"One does not see the focus on {at['name']!r} of {self.page.url}"
            passed.append(at["name"])
            if at["name"] in {name, f"{name} (optional)"}:
                return self
        raise AssertionError(f"No Tab leads to {name!r}, only to {sorted(set(passed))}")

    def press(self, key: str = "Enter", *, shows: str = "") -> None:
        """Press a key; wait for the page that it leads to, if to any, by words that stand on that one alone."""
        self.page.keyboard.press(key)
        if shows:
            self.page.get_by_text(shows).first.wait_for()
            self.page.wait_for_load_state()

    def write(self, label: str, words: str) -> "Keyboard":
        """Go to a field and fill it in anew."""
        self.to(label).press("Control+A")
        self.page.keyboard.type(words)
        return self

    def is_told(self, reason: str) -> None:
        """Wait until the focus is on the list of what is wrong, this in it: it is read out, and Tab goes on there."""
        told = self.page.locator("[role=alert]:focus")
        told.get_by_text(reason).wait_for()
