"""People at a browser: they find everything by the words that stand on it, and wait for what they expect."""

from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Locator, Page

from tests.patience import PATIENCE_MS


@dataclass(frozen=True)
class Account:
    """Whom somebody is at one of the services."""

    name: str
    email: str
    password: str


class Person:
    """Somebody with one window of a browser open."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()

    def open(self, address: str) -> None:
        """Type an address, or follow a link from a mail."""
        self.page.goto(address)

    def press(self, button: str) -> None:
        """Press the one button that says exactly this."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def follow(self, link: str) -> None:
        """Follow the first link that says exactly this."""
        self.page.get_by_role("link", name=link, exact=True).first.click()

    def go(self, place: str) -> None:
        """Choose a place of the main navigation; a count may stand behind its name."""
        navigation = self.page.get_by_role("navigation", name="Main navigation")
        navigation.get_by_role("link", name=place).click()
        self.heading(place)

    def write(self, **fields: str) -> None:
        """Fill in fields by their labels, blanks written as underscores."""
        for label, value in fields.items():
            self.field(label.replace("_", " ")).fill(value)

    def field(self, label: str) -> Locator:
        """Return the field of this label, whether it is optional or not."""
        exact = self.page.get_by_label(label, exact=True)
        return exact.or_(self.page.get_by_label(f"{label} (optional)", exact=True))

    def sees(self, text: str) -> None:
        """Wait until exactly this stands on the page."""
        self.page.get_by_text(text, exact=True).first.wait_for()

    def reads(self, part: str) -> None:
        """Wait until this is part of what stands on the page."""
        self.page.get_by_text(part).first.wait_for()

    def heading(self, text: str) -> None:
        """Wait for the page of this heading."""
        self.page.get_by_role("heading", name=text, exact=True, level=1).wait_for()

    def definition(self, term: str) -> str:
        """Return what stands beside ``term`` in the first list that has it."""
        pair = self.page.locator("dl > div").filter(has=self.page.get_by_text(term, exact=True))
        return pair.first.locator("dd").inner_text().strip()

    def figure(self, label: str, value: str) -> None:
        """Wait until the figure of this name has this value."""
        stat = self.page.locator(".stat").filter(has=self.page.get_by_text(label, exact=True))
        stat.get_by_text(value, exact=True).wait_for()

    def comparison_code(self) -> str:
        """Return the code the page shows to be compared."""
        return self.page.get_by_role("figure", name="Comparison code").locator("[aria-hidden]").inner_text()

    def sign_in(self, account: Account) -> None:
        """Fill in the sign-in form that is shown."""
        self.heading("Sign in")
        self.page.get_by_label("E-mail address", exact=True).fill(account.email)
        self.page.get_by_label("Password", exact=True).fill(account.password)
        self.press("Sign in")

    def leaves_alone(self) -> None:
        """From here on nobody loads this page anew; `was_left_alone` checks it."""
        self.page.evaluate("window.leftAlone = true")

    def was_left_alone(self) -> bool:
        """Return whether the page is still the one of `leaves_alone`."""
        return bool(self.page.evaluate("window.leftAlone === true"))

    def new_window(self) -> "Person":
        """Open a second window of the same browser, which the person is signed in in as well."""
        return Person(self.context)
