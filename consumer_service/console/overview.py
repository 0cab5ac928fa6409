"""The start page: what to do next, and how the connections do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.connections import service as connections
from consumer_service.connections.schemas import ConnectionView
from consumer_service.console import wizard
from consumer_service.console.deps import STAFF, AnyoneDep, console_router, page
from consumer_service.console.wizard import Onboarding
from consumer_service.context import ContextDep
from consumer_service.instance import service as instance
from consumer_service.provider_connections import service as provider_connections
from shared.interface.languages import translate as t
from shared.wire.states import ConnectionState, LinkStatus, Role
from shared.wire.states import ProviderConnectionState as State

router = console_router()

SHOWN: Final = 10
"""Onboardings and connections on the start page, at most of each."""

LINK_TONES: Final = {
    LinkStatus.UP: "success",
    LinkStatus.SLOW: "warning",
    LinkStatus.DOWN: "error",
    LinkStatus.UNKNOWN: "neutral",
}


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person should do."""

    title: str
    text: str
    href: str
    button: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """What the start page is made of."""

    has_record: bool
    onboardings: Sequence[Onboarding]
    connections: Sequence[ConnectionView]

    def tasks(self) -> list[Task]:
        """Return what to do next, in the language being rendered."""
        return list(self._tasks())

    def rows(self) -> list[dict[str, object]]:
        """Return the connections as rows of a table."""
        return [
            {
                "peer": {"text": one.peer_name, "href": f"/connections/{one.id}"},
                "state": {
                    "text": t(one.state),
                    "tone": "success" if one.state is ConnectionState.ACTIVE else "neutral",
                },
                "sending": {"text": t(one.sending), "tone": LINK_TONES[one.sending]},
                "receiving": {"text": t(one.receiving), "tone": LINK_TONES[one.receiving]},
                "queued": one.queued,
            }
            for one in self.connections
        ]

    def _tasks(self) -> Iterator[Task]:
        if not self.has_record:
            yield Task(
                t("Say who this instance is"),
                t("Its name and type are stated once, before it connects to anybody."),
                "/instance",
                t("Create the consumer record"),
            )
            return
        for one in self.onboardings:
            yield _next_step(one)
        if not self.onboardings and not self.connections:
            yield Task(
                t("Connect to a provider"),
                t("A provider registers this instance and sends a link to the contact it knows. Open that link here."),
                "/onboarding",
                t("Open a registration link"),
            )


@router.get("/")
async def show_overview(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Show what to do next."""
    staff = not caller.roles.isdisjoint(STAFF)
    overview = await context.database.read(_look, context.clock()) if staff else Overview(True, (), ())
    return page(request, "overview.html", overview=overview, staff=staff, admin=Role.ADMIN in caller.roles)


def _look(session: Session, now: datetime) -> Overview:
    rows = provider_connections.page(session, before=None, limit=SHOWN, state=None)
    going_on = [wizard.look(session, row.id) for row in rows if row.live and row.state != State.ONBOARDED]
    live = [state for state in ConnectionState if state is not ConnectionState.CLOSED]
    found = connections.list_connections(session, states=live, limit=SHOWN, now=now)
    return Overview(instance.get(session) is not None, going_on, found)


def _next_step(one: Onboarding) -> Task:
    href = f"/provider-connections/{one.view.id}"
    if one.failed:
        text = t("{count} findings keep it from going on.", count=one.view.open_issues)
        return Task(t("Onboarding with {name} is stuck", name=one.name), text, href, t("Look at the findings"), "error")
    if one.awaits_contact:
        text = t("{contact} has to sign in at {host}.", contact=one.view.contact or t("The contact"), host=one.host)
        return Task(t("{name} waits for its contact", name=one.name), text, href, t("Go on"))
    if one.can_connect:
        text = t("Everything is checked; it can be connected.")
        return Task(t("{name} is ready", name=one.name), text, href, t("Go on"))
    text = t("Nothing to do: it goes on by itself.")
    return Task(t("Onboarding with {name} is under way", name=one.name), text, href, t("Watch"))
