"""What the routes of the lowest slices share: who may call, and unsafe calls that are carried out once.

The directory stands above this slice, so its check of callers reaches these routes through ``app.state.authorise``,
which the composition root sets; without it every call fails.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from consumer_service.audit.domain import Actor
from consumer_service.context import Context
from shared.delivery import answers
from shared.delivery.answers import StoredAnswer
from shared.transport.conventions import decode_cursor
from shared.transport.idempotency import REPLAYED_HEADER
from shared.wire.errors import Invalid
from shared.wire.states import Role
from shared.wire.version import JSON_TYPE

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

Authorise = Callable[[Request, frozenset[Role], str], Awaitable[Actor]]
"""Returns who calls; raises `Unauthenticated` or `Forbidden` unless it holds a role and, a token, the scope."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a use case answers an unsafe call with."""

    body: BaseModel
    status: int = 201
    kept: BaseModel | None = None
    """What to store for a repeated call instead, where ``body`` shows a secret that is shown only once."""


def place_in(cursor: str | None, sort: str) -> str | None:
    """Return the id a page goes on behind; raise `Invalid` (``cursor_invalid``) for a cursor of another list."""
    if cursor is None:
        return None
    place = decode_cursor(sort, cursor)[0]
    if not isinstance(place, str) or not _ID.fullmatch(place):
        raise Invalid("The cursor does not belong to this list", code="cursor_invalid")
    return place


def allowed(*roles: Role, scope: str) -> Callable[[Request], Awaitable[Actor]]:
    """Return a dependency that gives the acting caller if it holds one of ``roles`` and its token ``scope``."""

    async def check(request: Request) -> Actor:
        authorise: Authorise = request.app.state.authorise
        return await authorise(request, frozenset(roles), scope)

    return check


async def carry_out_once(
    request: Request, context: Context, *, owner: str, key: str, work: Callable[[Session, datetime], Answer]
) -> Response:
    """Do ``work`` in one transaction with the record of its answer; a repeated call gets the recorded answer."""
    wanted = answers.fingerprint(request.method, request.url.path, await request.body())
    now = context.clock()
    now_ms = int(now.timestamp() * 1000)

    def transaction(session: Session) -> StoredAnswer:
        fresh: list[StoredAnswer] = []

        def act() -> StoredAnswer:
            answer = work(session, now)
            fresh.append(StoredAnswer(answer.status, answer.body.model_dump_json()))
            return StoredAnswer(answer.status, (answer.kept or answer.body).model_dump_json())

        stored = answers.once(session, owner=f"caller:{owner}", key=key, wanted=wanted, work=act, now_ms=now_ms)
        return stored if stored.replayed else fresh[0]

    answer = await context.database.write(transaction)
    headers = {REPLAYED_HEADER: "true"} if answer.replayed else {}
    return Response(answer.body, answer.status, headers=headers, media_type=JSON_TYPE)
