"""The chapter in which people of a customer register themselves, are let in, and let each other in."""

from typing import Any
from urllib.parse import urljoin

from demo.api import Api
from demo.forms import Browser
from demo.story import COMPANIES, Stage, wait_until

FIRST = ("Bea", "Okafor", "bea.okafor@clinics.test", "a-first-user-of-the-clinics")
COLLEAGUE = ("Carl", "Lindqvist", "carl.lindqvist@clinics.test", "a-colleague-of-the-first-user")
RELAYED = ("Dora", "Svensson", "dora.svensson@customer.test", "")
STRANGER = ("Eve", "Nobody", "eve@elsewhere.test", "")
COMPANY = COMPANIES[1]
REQUESTS = "/api/v1/self-service/requests"


def register_themselves(
    stage: Stage, provider: Api, consumer: Api, company: dict[str, str], connection_id: str
) -> dict[str, Any]:
    """Live through it; return how many requests were submitted, approved and rejected, and the directory's users."""
    first = _proven(stage, provider, FIRST, COMPANY)
    found = provider.get(f"{REQUESTS}/{first}/evidence")
    stage.say(f"The administrator sees what was found: {found['outcome'].replace('_', ' ')}; nobody of {COMPANY} yet")
    provider.post(f"{REQUESTS}/{first}/approve", {"note_to_applicant": "Welcome."})
    browser = _enter(stage, FIRST)
    stage.say(f"[green]{FIRST[0]} is let in[/green], the first of {COMPANY}, and so its administrator")
    colleague = _proven(stage, provider, COLLEAGUE, COMPANY)
    browser.open(urljoin(stage.provider.url, f"/requests/{colleague}"))
    browser.submit("Approve")
    browser.close()
    _enter(stage, COLLEAGUE).close()
    stage.say(f"[green]{FIRST[0]} approves {COLLEAGUE[0]}[/green] in the console, without the provider's doing")
    _ask_over_the_connection(stage, provider, consumer, connection_id)
    stranger = _proven(stage, provider, STRANGER, "Blue Yonder")
    shown = provider.get(f"{REQUESTS}/{stranger}")
    reason = shown["reason"].replace("_", " ")
    stage.say(f"A stranger guesses the account: {reason}; staff reject, the stranger learns nothing")
    provider.post(f"{REQUESTS}/{stranger}/reject", {"note_to_applicant": "Please ask your company."})
    _give_a_registration(stage, provider, company, provider.get(f"{REQUESTS}/{colleague}"))
    states = [one["state"] for one in provider.get(REQUESTS, limit=200)["items"]]
    return {
        "self_registrations": {
            "submitted": len(states),
            "approved": states.count("ORA_CSS_APPROVED"),
            "rejected": states.count("ORA_CSS_REJECTED"),
        },
        "directory_users": len(provider.get("/api/v1/users", limit=200)["items"]),
    }


def _proven(stage: Stage, provider: Api, who: tuple[str, str, str, str], account_key: str) -> str:
    """Sign up at the public page and prove the mailbox; return the request's id."""
    given, family, email, _ = who
    visitor = Browser()
    visitor.open(f"{stage.provider.url}/sign-up")
    visitor.submit("Ask for access", AccountKey=account_key, EmailAddress=email, FirstName=given, LastName=family)
    stage.say(f"{given} {family} signs up for {account_key!r} and proves the mailbox {email}")
    return _confirmed(stage, provider, visitor, email)


def _ask_over_the_connection(stage: Stage, provider: Api, consumer: Api, connection_id: str) -> None:
    """The consumer's administrator asks for a colleague; the colleague proves the mailbox, the provider approves."""
    given, family, email, _ = RELAYED
    user = consumer.post("/api/v1/users", {"email": email, "name": f"{given} {family}"})
    wanted = {"connection_id": connection_id, "user_id": user["id"]}
    names = {"FirstName": given, "LastName": family}
    asked = consumer.post("/api/v1/access-requests", {**wanted, "attributes": names})
    stage.say(f"The customer's administrator asks for access for {given} {family}, over the connection")
    request_id = _confirmed(stage, provider, Browser(), email)
    provider.post(f"{REQUESTS}/{request_id}/approve", {})
    path = f"/api/v1/access-requests/{asked['id']}/refresh"
    wait_until("the consumer knows", lambda: consumer.post(path)["state"] == "ORA_CSS_APPROVED")
    stage.say(f"[green]{given} is let in[/green] for {COMPANIES[0]}, whose connection it is; the customer sees it too")


def _confirmed(stage: Stage, provider: Api, visitor: Browser, email: str) -> str:
    """Prove a mailbox by the link in its mail; return the request's id."""
    link = next(word for word in stage.mailbox.wait_for(email, "/sign-up/confirm#token=").split() if "#token=" in word)
    page, _, token = link.partition("#token=")
    visitor.open(page)
    visitor.submit("Show the request", token=token)
    visitor.submit("This was me")
    visitor.close()
    return next(str(one["id"]) for one in provider.get(REQUESTS)["items"] if one["email"] == email)


def _enter(stage: Stage, who: tuple[str, str, str, str]) -> Browser:
    """Set a password by the welcome mail and sign in."""
    _, _, email, password = who
    link = next(word for word in stage.mailbox.wait_for(email, "/set-password#token=").split() if "#token=" in word)
    page, _, token = link.partition("#token=")
    browser = Browser()
    browser.open(page)
    browser.submit("Set password", token=token, password=password)
    browser.open(f"{stage.provider.url}/sign-in")
    browser.submit("Sign in", email=email, password=password)
    return browser


def _give_a_registration(stage: Stage, provider: Api, company: dict[str, str], request: dict[str, Any]) -> None:
    """Let somebody who registered be the contact of a registration task."""
    provider.put(f"/api/v1/users/{request['user_id']}/roles", {"roles": ["sn_sb_pro.consumer"]})
    task = provider.post(
        "/api/v1/registrations",
        {
            "company_id": company["id"],
            "contact_id": request["contact_id"],
            "consumer_url": "http://127.0.0.1:9912",
        },
    )
    stage.say(f"{COLLEAGUE[0]} gets the role sn_sb_pro.consumer and is the contact of {task['number']}")
