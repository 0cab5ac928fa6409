"""What stories in a browser between real processes begin with: machines that send mail, and their first record."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser

from demo.mailbox import Mailbox
from tests.e2e.machines import ADMIN, Machine, free_port
from tests.e2e.people import Account, Person

BOSS = Account("Administrator", *ADMIN)
_RECORD = {"Sender_address": "desk@example.com", "Support_contact": "desk@example.com"}


@dataclass
class MailingMachine(Machine):
    """A side that hands its mails to the catcher."""

    mail_port: int = 0

    def environment(self) -> dict[str, str]:
        prefix = self.name.upper()
        smtp = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(self.mail_port), "SMTP_SECURITY": "none"}
        return super().environment() | {f"{prefix}_{key}": value for key, value in smtp.items()}


@contextmanager
def mail_caught() -> Iterator[Mailbox]:
    """A mail catcher."""
    mailbox = Mailbox(free_port())
    try:
        yield mailbox
    finally:
        mailbox.stop()


@contextmanager
def running(*machines: Machine) -> Iterator[None]:
    """The machines are ready inside, and gone behind."""

    async def start() -> None:
        await asyncio.gather(*(machine.start() for machine in machines))

    try:
        with ThreadPoolExecutor(1) as pool:  # this thread belongs to the browser's driver
            pool.submit(asyncio.run, start()).result()
        yield
    finally:
        for machine in machines:
            machine.stop()


@contextmanager
def windows_closed(browser: Browser, *machines: Machine) -> Iterator[None]:
    """Tell what the machines wrote and every window shows where a story goes wrong, and close the windows."""
    try:
        yield
    except Exception as error:
        for machine in machines:
            error.add_note(f"The {machine.name} wrote:\n{machine.tail()}")
        for window in (page for context in browser.contexts for page in context.pages):
            error.add_note(f"{window.url} shows:\n{window.evaluate('document.body.innerText')}")
        raise
    finally:
        for context in browser.contexts:
            context.close()


def make_record(person: Person, step: str, name: str) -> None:
    """Say who an instance is; although it is no production instance, it sends its mails."""
    person.heading("Overview")
    person.follow(step)
    person.write(Name=name, **_RECORD)
    person.page.get_by_label("Test or development").check()
    person.page.get_by_label("Send e-mail").check()
    person.press("Save")
