"""People of a customer let themselves in: a real browser, the service's real processes, and real mail in between."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from demo.mailbox import Mailbox
from tests.browsers import DESKTOP, violations
from tests.e2e.machines import Machine, free_port
from tests.e2e.people import Account, Person
from tests.e2e.staging import BOSS, MailingMachine, mail_caught, make_record, running, windows_closed
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.browser

BEA = Account("Bea", "bea@harbour.example", "the-first-user-of-the-harbour")
CYD = Account("Cyd", "cyd@harbour.example", "a-colleague-of-the-first-user")
COMPANY = "Harbour Ltd"
ROLE = "sn_sb_pro.consumer"


@dataclass
class Stage:
    """The provider, the mail catcher, and a browser with a profile for each person."""

    provider: Machine
    mailbox: Mailbox
    browser: Browser
    found: list[str] = field(default_factory=list)
    """What axe has found so far."""

    def person(self, locale: str = "en-GB") -> Person:
        looks = {"locale": locale, "reduced_motion": "reduce", "bypass_csp": True}
        return Person(self.browser.new_context(viewport=DESKTOP, **looks))

    def look(self, person: Person, name: str) -> None:
        """Let axe look at the page that somebody has reached; once, it is the same on either engine."""
        if self.provider.database_url.startswith("sqlite"):
            self.found += violations(person.page, name)

    def link(self, account: Account, containing: str) -> str:
        """Return the link of a mail to somebody."""
        mail = self.mailbox.wait_for(account.email, containing, PATIENCE_SECONDS)
        return next(word for word in mail.split() if containing in word)


@pytest.fixture
def stage(browser: Browser, pair_urls: dict[str, str], tmp_path: Path) -> Iterator[Stage]:
    with mail_caught() as mailbox:
        provider = MailingMachine("provider", pair_urls["provider"], tmp_path, mail_port=mailbox.port)
        with running(provider):
            yield Stage(provider, mailbox, browser)


def test_from_the_sign_up_to_a_colleague_who_is_the_contact_of_a_registration(stage: Stage) -> None:
    """Bea signs up, is let in and administers the account; she lets Cyd in, who gets a registration."""
    with windows_closed(stage.browser, stage.provider):
        staff = begin_at_the_provider(stage)
        the_form_is_there_in_japanese(stage)
        sign_up(stage, BEA)
        staff_let_the_first_one_in(stage, staff)
        bea = enter(stage, BEA)
        she_administers_the_account(stage, bea)
        sign_up(stage, CYD)
        she_lets_her_colleague_in(stage, bea)
        enter(stage, CYD)
        the_colleague_gets_a_registration(stage, staff)
        assert stage.found == []


def begin_at_the_provider(stage: Stage) -> Person:
    """Sign in, say who the provider is, enter a company of which nobody is known."""
    staff = stage.person()
    staff.open(stage.provider.url)
    staff.sign_in(BOSS)
    make_record(staff, "Create provider record", "hub-one")
    staff.go("Companies")
    staff.follow("New company")
    staff.write(Name=COMPANY)
    staff.press("Save")
    staff.heading(COMPANY)
    return staff


def the_form_is_there_in_japanese(stage: Stage) -> None:
    visitor = stage.person("ja-JP")
    visitor.open(f"{stage.provider.url}/sign-up")
    visitor.heading("利用登録")
    stage.look(visitor, "sign-up-in-japanese")


def sign_up(stage: Stage, account: Account) -> None:
    """Ask for access and prove the mailbox by its mail; nobody sees the request before."""
    visitor = stage.person()
    visitor.open(f"{stage.provider.url}/sign-in")
    visitor.follow("Sign up")
    visitor.heading("Sign up")
    stage.look(visitor, "sign-up")
    visitor.write(Account_key=COMPANY, First_name=account.name, **{"E-mail_address": account.email})
    visitor.press("Ask for access")
    visitor.heading("Look into your mailbox")
    stage.look(visitor, "sign-up-sent")
    visitor.follow("Follow the request")
    visitor.press("Show the request")
    visitor.sees("Mailbox not proven yet")
    stage.look(visitor, "sign-up-status")
    visitor.open(stage.link(account, "/sign-up/confirm#token="))
    visitor.page.wait_for_url(f"{stage.provider.issuer}/sign-up/confirm")
    visitor.press("Show the request")
    visitor.sees("This was me: confirm")
    stage.look(visitor, "sign-up-confirm")
    visitor.press("This was me: confirm")
    visitor.heading("Your mailbox is proven")
    stage.look(visitor, "sign-up-confirmed")


def staff_let_the_first_one_in(stage: Stage, staff: Person) -> None:
    staff.go("Access requests")
    stage.look(staff, "requests")
    staff.follow(BEA.email)
    staff.reads("It is the account's first user, who becomes its administrator.")
    stage.look(staff, "request")
    approve(staff)


def approve(person: Person) -> None:
    """Approve the request that is shown, and leave when it is carried out."""
    person.reads("A contact and a user are made.")
    person.press("Approve")
    person.sees("User activated")


def enter(stage: Stage, account: Account) -> Person:
    """Set a password by the welcome mail, and sign in for the first time."""
    person = stage.person()
    person.open(stage.link(account, "/set-password#token="))
    person.page.wait_for_url(f"{stage.provider.issuer}/set-password")
    person.write(New_password=account.password)
    person.press("Set password")
    person.reads("Your password is set. Sign in with it.")
    person.sign_in(account)
    person.heading(f"Welcome, {account.name}")
    return person


def she_administers_the_account(stage: Stage, bea: Person) -> None:
    stage.look(bea, "overview-of-a-customer")
    bea.go("People with access")
    bea.page.get_by_role("row", name=f"{BEA.name} {COMPANY} Administrator").wait_for()
    stage.look(bea, "people")


def she_lets_her_colleague_in(stage: Stage, bea: Person) -> None:
    """She sees the one request of her account, and decides about it without the provider's doing."""
    bea.go("Access requests")
    bea.follow(CYD.email)
    bea.heading(CYD.email)
    stage.look(bea, "request-of-a-colleague")
    approve(bea)


def the_colleague_gets_a_registration(stage: Stage, staff: Person) -> None:
    """The colleague gets the consumer's role, is the contact of a task that opens, and gets its link by mail."""
    staff.go("Users")
    staff.follow(CYD.name)
    staff.page.get_by_label(ROLE).check()
    staff.press("Save roles")
    staff.reads("The roles were saved.")
    staff.go("Companies")
    staff.follow(COMPANY)
    staff.follow("New registration")
    staff.page.get_by_label("Contact").select_option(label=f"{CYD.name} ({CYD.email})")
    staff.write(Consumer_URL=f"http://127.0.0.1:{free_port()}")
    staff.press("Save")
    staff.sees("Open")
    staff.page.locator("dl > div").filter(has_text="Mail to").get_by_text(CYD.email).wait_for()
    stage.look(staff, "registration-of-a-colleague")
    assert stage.link(CYD, "/onboarding#token=")
