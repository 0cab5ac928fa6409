"""What happens in the demonstration, in order."""

import time
from dataclasses import dataclass, field

from rich.console import Console

from demo.api import Api
from demo.forms import Browser
from demo.mailbox import Mailbox
from demo.processes import Service

ADMIN = ("admin@provider.test", "correct-horse-battery-staple")
CONSUMER_ADMIN = ("admin@customer.test", "another-horse-battery-staple")
CONTACT = ("Ann Keller", "ann.keller@customer.test", "a-contact-of-the-customer")
_BOTH = ("instance:write", "connections:read", "incidents:write", "events:read", "issues:read")
SCOPES = {
    "provider": (*_BOTH, "companies:write", "users:write", "registrations:write", "self_service:write"),
    "consumer": (*_BOTH, "provider-connections:write", "users:write", "access-requests:write"),
}
COMPANIES = ("Northwind Logistics", "Blue Yonder Clinics", "Harbour Energy Works")


@dataclass
class Stage:
    """Who plays: both services, the mail catcher, and the story's voice."""

    provider: Service
    consumer: Service
    mailbox: Mailbox
    voice: Console
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print one line of the story with the seconds since the beginning."""
        self.voice.print(f"[dim]{time.monotonic() - self.began:6.1f} s[/dim]  {text}")

    def chapter(self, title: str) -> None:
        """Print a heading."""
        self.voice.rule(f"[bold]{title}")


def wait_until(what: str, ask: object, seconds: float = 60) -> object:
    """Ask until the answer is true; return it, or raise naming what did not happen."""
    assert callable(ask)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise RuntimeError(f"Within {seconds:g} seconds it did not happen that {what}")


def sign_in(service: Service, email: str, password: str) -> tuple[Browser, Api]:
    """Sign in at a console as a person would, and make a token for the API."""
    browser = Browser()
    browser.open(f"{service.url}/sign-in")
    browser.submit("Sign in", email=email, password=password)
    return browser, Api(service.url, browser.make_token(service.url, SCOPES[service.name]))


def set_up(stage: Stage, provider: Api, consumer: Api) -> list[dict[str, str]]:
    """Make both records and three customer companies; return the companies."""
    provider.post(
        "/api/v1/instance",
        {
            "name": "alpine-services",
            "instance_type": "production",
            "sender_address": "desk@provider.test",
            "support_contact": "desk@provider.test",
        },
    )
    stage.say(f"The provider [bold]alpine-services[/bold] stands at {stage.provider.url}")
    consumer.post(
        "/api/v1/instance",
        {
            "name": "northwind-desk",
            "instance_type": "production",
            "sender_address": "desk@customer.test",
            "support_contact": "it@customer.test",
        },
    )
    stage.say(f"The consumer [bold]northwind-desk[/bold] stands at {stage.consumer.url}")
    companies = [provider.post("/api/v1/companies", {"name": name}) for name in COMPANIES]
    stage.say(f"Three customers: {', '.join(COMPANIES)}")
    return companies


def register(stage: Stage, provider: Api, companies: list[dict[str, str]]) -> str:
    """Register all three; the first fails validation, is put right, and goes on by itself. Returns its number."""
    name, email, _ = CONTACT
    contact = provider.post(
        f"/api/v1/companies/{companies[0]['id']}/contacts",
        {"name": name, "email": email, "grant_consumer_role": False},
    )
    number = provider.post(
        "/api/v1/registrations",
        {"company_id": companies[0]["id"], "contact_id": contact["id"], "consumer_url": stage.consumer.url},
    )["number"]
    stage.say(f"{number} is opened for {COMPANIES[0]}: Awaiting Validation")
    path = f"/api/v1/registrations/{number}"
    wait_until("validation fails", lambda: provider.get(path)["state"] == "Validation Failed")
    issues = [issue for issue in provider.get("/api/v1/issues")["items"] if issue["subject_id"] == number]
    for issue in issues:
        if issue["state"] == "open":
            stage.say(f"[yellow]Validation Failed[/yellow]: {issue['found']}. {issue['cause']} → {issue['fix']}")
    user = f"/api/v1/users/{contact['user_id']}"
    provider.put(f"{user}/roles", {"roles": ["sn_sb_pro.consumer"]})
    stage.say(f"The administrator gives {name} the role sn_sb_pro.consumer, and does nothing else")
    wait_until("the task goes on by itself", lambda: provider.get(path)["state"] == "Open")
    stage.say(f"[green]{number} is Open[/green]: it went on by itself, the link is on its way")
    _others(stage, provider, companies)
    return str(number)


def _others(stage: Stage, provider: Api, companies: list[dict[str, str]]) -> None:
    for serial, company in enumerate(companies[1:], 2):
        contact = provider.post(
            f"/api/v1/companies/{company['id']}/contacts",
            {"name": f"Contact of {company['name']}", "email": f"it{serial}@customer{serial}.test"},
        )
        url = f"http://127.0.0.1:{9900 + serial}"
        task = provider.post(
            "/api/v1/registrations", {"company_id": company["id"], "contact_id": contact["id"], "consumer_url": url}
        )
        stage.say(f"{task['number']} is opened for {company['name']}; its invitation waits for the customer")


def onboard(stage: Stage, admin: Browser, consumer: Api, number: str) -> dict[str, str]:
    """Take the link from the mail, click through the onboarding on both sides; return the provider connection."""
    name, email, password = CONTACT
    mail = stage.mailbox.wait_for(email, "/onboarding#token=")
    link = next(word for word in mail.split() if "/onboarding#token=" in word)
    stage.say(f"{name} gets the mail with the link {link[:60]}…")
    leave = stage.mailbox.wait_for(email, "/set-password#token=")
    _set_password(stage, leave, password)
    page, _, token = link.partition("#token=")
    admin.open(page)
    admin.submit("Continue", token=token)
    admin.submit("Continue with")
    stage.say("The customer's administrator opens the link, reads whose it is, and confirms the provider's address")
    rows = consumer.get("/api/v1/provider-connections")["items"]
    path = f"/api/v1/provider-connections/{rows[0]['id']}"
    wait_until("the consumer's checks pass", lambda: consumer.get(path)["state"] == "Validated")
    stage.say("Checks on the consumer's side pass: [green]Validated[/green]")
    answer = consumer.post(f"{path}/connect")
    stage.say(f"Connect to Provider: both sides show the comparison code [bold]{answer['comparison_code']}[/bold]")
    _allow(stage, answer, admin, number)
    done = wait_until("both ends are complete", lambda: _onboarded(consumer.get(path)))
    assert isinstance(done, dict)
    return done


def _set_password(stage: Stage, mail: str, password: str) -> None:
    link = next(word for word in mail.split() if "/set-password#token=" in word)
    page, _, token = link.partition("#token=")
    browser = Browser()
    browser.open(page)
    browser.submit("Set password", token=token, password=password)
    browser.close()
    stage.say(f"{CONTACT[0]} sets a password at the provider")


def _allow(stage: Stage, answer: dict[str, str], admin: Browser, number: str) -> None:
    """The contact signs in at the provider and allows; the callback belongs to the administrator's browser."""
    contact = Browser()
    contact.open(answer["authorize_url"])
    contact.submit("Sign in", email=CONTACT[1], password=CONTACT[2])
    if answer["comparison_code"] not in contact.text:
        raise RuntimeError("The provider does not show the consumer's comparison code")
    callback = contact.submit_for_redirect("Allow")
    contact.close()
    admin.open(callback)
    stage.say(f"{CONTACT[0]} signs in at the provider, sees the same code, and allows {number}")


def _onboarded(row: dict[str, str]) -> dict[str, str] | None:
    return row if row["state"] == "Onboarded" else None


def complete(row: dict[str, str]) -> str | None:
    """Return the registration's state once it is its happy end."""
    return row["state"] if row["state"] == "Closed Complete" else None
