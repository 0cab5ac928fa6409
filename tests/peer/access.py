"""Requests for access: the consumer submits them for its people and follows them (section 11)."""

from dataclasses import dataclass, field
from typing import Any

from tests.peer.connection import Connection, Linked
from tests.peer.exchange import rfc3339
from tests.peer.instance import idempotency_key
from tests.peer.registration import Registering
from tests.peer.serving import Incoming, Route
from tests.peer.wire import Document, Problem, new_id

REQUESTS = "/exchange/v1/self-service/requests"
A_PAGE = 100
UNPROVEN = 200


class Asking(Linked):
    """A consumer that asks for access for its people."""

    async def ask_access(
        self, connection: Connection, user: Document, attributes: Document, *, key: str | None = None, **more: Any
    ) -> Document:
        """Submit a request; ``more``: further members, whatever they are worth."""
        return await self.call(
            "POST",
            connection.peer,
            REQUESTS,
            {"user": user, "attributes": attributes} | more,
            step="access",
            find_key=connection.find_key,
            connection=connection.id,
            idempotency_key=key or idempotency_key(),
        )

    async def access(self, connection: Connection, request_id: str) -> Document:
        """How one request stands."""
        return await self.on_connection(connection, "GET", f"{REQUESTS}/{request_id}", None, "access")

    async def accesses(self, connection: Connection) -> list[Document]:
        """Every request of the connection, the youngest first."""
        found: list[Document] = []
        query = ""
        while True:
            page = await self.on_connection(connection, "GET", f"{REQUESTS}{query}", None, "accesses")
            found += page["requests"]
            if page["following"] is None:
                return found
            query = f"?before={page['following']}"


@dataclass
class Access:
    """A request as the provider keeps it."""

    connection: Connection
    shown: Document
    asked: Document = field(default_factory=dict)


class Granting(Registering):
    """A provider that is asked for access; ``requests`` holds what it was asked, by id."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.requests: dict[str, Access] = {}

    def routes(self) -> list[Route]:
        """The calls about access."""
        return [
            *super().routes(),
            Route("POST", REQUESTS, "access", self._on_ask),
            Route("GET", REQUESTS, "accesses", self._on_list, ("before",)),
            Route("GET", f"{REQUESTS}/(?P<id>[^/]+)", "access", self._on_look),
        ]

    def move(self, request_id: str, state: str) -> None:
        """What people at the provider do to a request."""
        self.requests[request_id].shown |= {"state": state, "updated": rfc3339(self.clock())[:19] + "Z"}

    async def _on_ask(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        known = self.repeated(connection.id, incoming)
        if known:
            return known
        asked = incoming.document()
        user, attributes = asked.get("user"), asked.get("attributes")
        if not isinstance(user, dict) or not isinstance(attributes, dict) or not isinstance(user.get("id"), str):
            raise Problem(422, "invalid")
        if not attributes.get("EmailAddress") or "LoginId" in attributes:
            raise Problem(422, "attribute_invalid")
        own = [one for one in self.requests.values() if one.connection is connection]
        if sum(one.shown["state"] == "ORA_CSS_VERIFYING" for one in own) >= UNPROVEN:
            raise Problem(429, "too_many_requests")
        now = rfc3339(self.clock())[:19] + "Z"
        shown = {"id": new_id(self.clock()), "state": "ORA_CSS_VERIFYING", "user_id": user["id"]}
        shown |= {"email": attributes["EmailAddress"], "submitted": now, "updated": now}
        self.requests[shown["id"]] = Access(connection, shown, asked)
        return self.store(connection.id, incoming, dict(shown))

    async def _on_list(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        before = incoming.query.get("before")
        own = [one.shown for one in self.requests.values() if one.connection is connection]
        own = sorted(own, key=lambda shown: str(shown["id"]), reverse=True)
        rest = [shown for shown in own if before is None or shown["id"] < before]
        page = rest[:A_PAGE]
        return {"requests": page, "following": page[-1]["id"] if len(rest) > A_PAGE else None}

    async def _on_look(self, incoming: Incoming) -> Document:
        connection = self.authenticate(incoming)
        found = self.requests.get(incoming.params["id"])
        if found is None or found.connection is not connection:
            raise Problem(404, "request_unknown")
        return dict(found.shown)
