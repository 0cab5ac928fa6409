"""The whole registration, clicked through in a real browser between two real services with a real mail in between."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from demo.mailbox import Mailbox
from tests.e2e.machines import Machine
from tests.e2e.people import Account, Person
from tests.e2e.screens import picture
from tests.e2e.staging import BOSS, MailingMachine, mail_caught, make_record, running, windows_closed
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.browser

CONTACT = Account("Ann Keller", "ann@northwind.example", "a-contact-of-the-customer")
COMPANY, PROVIDER, CONSUMER = "Northwind Logistics", "alpine-services", "northwind-desk"
ROLE = "sn_sb_pro.consumer"


@dataclass
class Stage:
    """Both services, the mail catcher, and a browser with a profile for each organisation."""

    provider: Machine
    consumer: Machine
    mailbox: Mailbox
    browser: Browser

    def person(self) -> Person:
        return Person(self.browser.new_context(viewport={"width": 1280, "height": 960}, locale="en-GB"))

    def link(self, containing: str) -> str:
        """Return the link of a mail to the contact."""
        mail = self.mailbox.wait_for(CONTACT.email, containing, PATIENCE_SECONDS)
        return next(word for word in mail.split() if containing in word)


@pytest.fixture
def stage(browser: Browser, pair_urls: dict[str, str], tmp_path: Path) -> Iterator[Stage]:
    with opened(pair_urls, tmp_path) as (provider, consumer, mailbox):
        yield Stage(provider, consumer, mailbox, browser)


@contextmanager
def opened(urls: dict[str, str], home: Path) -> Iterator[tuple[Machine, Machine, Mailbox]]:
    with mail_caught() as mailbox:
        sides = {name: MailingMachine(name, url, home, mail_port=mailbox.port) for name, url in urls.items()}
        provider, consumer = sides["provider"], sides["consumer"]
        provider.peer_issuer, consumer.peer_issuer = consumer.issuer, provider.issuer
        with running(provider, consumer):
            yield provider, consumer, mailbox


def test_two_organisations_connect_by_clicking_and_part_again(stage: Stage) -> None:
    with windows_closed(stage.browser, stage.provider, stage.consumer):
        play(stage)


def play(stage: Stage) -> None:
    admin, customer = stage.person(), stage.person()
    begin_at_the_provider(stage, admin)
    registration = fail_validation_and_go_on_by_itself(stage, admin)
    set_the_contact_s_password(stage)
    begin_at_the_consumer(stage, customer)
    code = connect_to_provider(stage, customer, registration)
    allow_at_the_provider(stage, customer, code)
    both_ends_are_complete(stage, customer, registration)
    both_see_the_first_heartbeat(registration, customer)
    pause_and_resume(registration)
    disconnect(stage, registration, customer)
    register_again(stage, registration)


def begin_at_the_provider(stage: Stage, admin: Person) -> None:
    """Sign in, say who the provider is, enter a company and a contact without the role."""
    admin.open(stage.provider.url)
    admin.sign_in(BOSS)
    make_record(admin, "Create provider record", PROVIDER)
    admin.go("Companies")
    admin.follow("New company")
    admin.heading("New company")
    admin.write(Name=COMPANY)
    admin.press("Save")
    admin.heading(COMPANY)
    admin.follow("New contact")
    admin.write(Name=CONTACT.name, **{"E-mail_address": CONTACT.email})
    admin.page.get_by_label("May allow connections").uncheck()
    admin.press("Save")
    admin.reads(f"{CONTACT.name} is a contact now.")
    admin.sees(f"Lacks {ROLE}")


def fail_validation_and_go_on_by_itself(stage: Stage, admin: Person) -> Person:
    """Open a registration, be told what is wrong, put it right in another window; return the window that watched."""
    admin.follow("New registration")
    admin.write(Consumer_URL=stage.consumer.issuer, Environment="production")
    admin.press("Save")
    admin.sees("Validation Failed")
    admin.reads("Pre-onboarding checks failed")
    picture(admin.page, "registration-failed")
    admin.leaves_alone()
    elsewhere = admin.new_window()
    elsewhere.open(admin.page.url)
    elsewhere.follow("Open the Health Dashboard")
    elsewhere.reads("Issues of REG")
    elsewhere.reads(ROLE)
    picture(elsewhere.page, "health-dashboard")
    elsewhere.go("Companies")
    elsewhere.follow(COMPANY)
    elsewhere.follow("Open user")
    elsewhere.page.get_by_label(ROLE).check()
    elsewhere.press("Save roles")
    elsewhere.reads("The roles were saved.")
    elsewhere.page.close()
    admin.sees("Open")
    admin.page.locator("dl > div").filter(has_text="Mail to").get_by_text(CONTACT.email).wait_for()
    admin.sees("Sent")
    assert admin.was_left_alone(), "the page went on by itself"
    picture(admin.page, "registration-open")
    return admin


def set_the_contact_s_password(stage: Stage) -> None:
    """The contact follows the mail to a page that hides the link's secret, and sets a password."""
    contact = stage.person()
    contact.open(stage.link("/set-password#token="))
    contact.page.wait_for_url(f"{stage.provider.issuer}/set-password")
    contact.page.get_by_label("New password", exact=True).fill(CONTACT.password)
    contact.press("Set password")
    contact.reads("Your password is set. Sign in with it.")
    contact.context.close()


def begin_at_the_consumer(stage: Stage, customer: Person) -> None:
    """Sign in, say who the consumer is, open the link from the mail, confirm whose it is, watch the checks pass."""
    customer.open(stage.consumer.url)
    customer.sign_in(BOSS)
    make_record(customer, "Create the consumer record", CONSUMER)
    customer.follow("Open a registration link")
    customer.heading("Connect to a provider")
    # The page is open already: the link changes its fragment only, which loads nothing.
    customer.open(stage.link("/onboarding#token="))
    customer.page.wait_for_url(f"{stage.consumer.issuer}/onboarding")
    customer.press("Continue")
    host = stage.provider.issuer.partition("://")[2]
    customer.heading(f"Is {host} your provider?")
    picture(customer.page, "confirm-provider")
    customer.press(f"Continue with {host}")
    customer.leaves_alone()
    customer.sees("Validated")
    assert customer.was_left_alone()


def connect_to_provider(stage: Stage, customer: Person, registration: Person) -> str:
    """Connect; return the comparison code, which the consumer shows and whoever watches at the provider."""
    customer.press("Connect to Provider")
    customer.heading(PROVIDER)  # it has said its name by now
    code = customer.comparison_code()
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", code)
    picture(customer.page, "wizard-comparison-code")
    registration.sees("Work in Progress")
    assert registration.comparison_code() == code
    customer.follow("Go to provider")
    customer.page.wait_for_url(f"{stage.provider.issuer}/sign-in?*")
    return code


def allow_at_the_provider(stage: Stage, customer: Person, code: str) -> None:
    """In the same browser: the wrong person is told who is expected and switches; the contact sees the code, allows."""
    customer.sign_in(BOSS)
    customer.heading("Another person is expected")
    assert customer.definition("Expected") == CONTACT.name
    assert BOSS.email in customer.definition("Signed in")
    picture(customer.page, "another-person-expected")
    customer.press("Switch user")
    customer.sign_in(CONTACT)
    customer.heading(f"Allow {CONSUMER} to connect?")
    person = f"{CONTACT.name} ({CONTACT.email})"
    assert (customer.definition("Expected"), customer.definition("Signed in")) == (person, person)
    assert customer.comparison_code() == code
    picture(customer.page, "consent")
    customer.press("Allow")
    customer.page.wait_for_url(re.compile(re.escape(stage.consumer.issuer)))


def both_ends_are_complete(stage: Stage, customer: Person, registration: Person) -> None:
    """The consumer is signed in at both in one browser; nobody at the provider had to load anything anew."""
    customer.sees("Onboarded")
    picture(customer.page, "wizard-onboarded")
    registration.sees("Closed Complete")
    assert registration.was_left_alone()
    picture(registration.page, "registration-complete")


def both_see_the_first_heartbeat(admin: Person, customer: Person) -> None:
    for person, peer in ((admin, CONSUMER), (customer, PROVIDER)):
        person.follow("Open the connection")
        person.heading(peer)
        person.sees("Active")
        person.figure("Sending", "Up")
        person.figure("Receiving", "Up")
    picture(admin.page, "connection-provider")
    picture(customer.page, "connection-consumer")


def pause_and_resume(admin: Person) -> None:
    admin.press("Pause")
    admin.sees("Paused")
    admin.press("Resume")
    admin.sees("Active")


def disconnect(stage: Stage, admin: Person, customer: Person) -> None:
    """Type what is to end; both sides say that it has ended, and why."""
    admin.follow("Disconnect")
    admin.heading(f"Disconnect {CONSUMER}")
    admin.press("Disconnect")
    admin.reads("This is not the text to type.")
    admin.field(f"To confirm, type {CONSUMER}").fill(CONSUMER)
    admin.write(Reason="The trial is over")
    picture(admin.page, "disconnect")
    admin.press("Disconnect")
    admin.reads("This connection has ended")
    admin.sees("The trial is over")
    customer.sees("Closed")
    customer.sees("The trial is over")


def register_again(stage: Stage, admin: Person) -> None:
    """The task is copied, and the same company at the same address passes the checks again."""
    admin.go("Registrations")
    admin.page.get_by_role("link", name=re.compile("^REG")).first.click()
    admin.press("Start again")
    admin.reads("was copied into this task.")
    admin.sees("Open")
    admin.sees("Sent")
