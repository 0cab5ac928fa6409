"""What the routes of the lowest slices share: who may call, and unsafe calls that are carried out once.

The directory stands above this slice, so its check of callers reaches these routes through ``app.state.authorise``,
which the composition root sets; without it every call fails.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from consumer_service.audit import service
from consumer_service.audit.domain import Actor
from consumer_service.context import Context
from shared.transport.idempotency import REPLAYED_HEADER, Record, StoredAnswer, fingerprint, once
from shared.wire.states import Role
from shared.wire.version import JSON_TYPE

Authorise = Callable[[Request, frozenset[Role], str], Awaitable[Actor]]
"""Returns who calls; raises `Unauthenticated` or `Forbidden` unless it holds a role and, a token, the scope."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a use case answers an unsafe call with."""

    body: BaseModel
    status: int = 201
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: BaseModel | None = None
    """What to store for a repeated call instead, where ``body`` shows a secret that is shown only once."""


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
    wanted = fingerprint(request.method, request.url.path, await request.body())
    now = context.clock()

    def transaction(session: Session) -> tuple[StoredAnswer, bool]:
        fresh: list[StoredAnswer] = []

        def act() -> StoredAnswer:
            answer = work(session, now)
            fresh.append(_spelled(answer, answer.body))
            return _spelled(answer, answer.kept or answer.body)

        stored, replayed = once(_Records(session, now), owner=owner, key=key, wanted=wanted, work=act)
        return (stored, True) if replayed else (fresh[0], False)

    answer, replayed = await context.database.write(transaction)
    headers = {**answer.headers, REPLAYED_HEADER: "true"} if replayed else dict(answer.headers)
    return Response(answer.body, answer.status, headers=headers, media_type=JSON_TYPE)


def _spelled(answer: Answer, body: BaseModel) -> StoredAnswer:
    return StoredAnswer(answer.status, body.model_dump_json().encode(), answer.headers)


class _Records:
    """The service's own table behind `shared.transport.idempotency`."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    def claim(self, owner: str, key: str, wanted: str) -> Record | None:
        known = service.claim_request(self._session, owner=owner, key=key, fingerprint=wanted, now=self._now)
        if known is None:
            return None
        if known.status is None:
            return Record(known.fingerprint, None)
        return Record(known.fingerprint, StoredAnswer(known.status, (known.body or "").encode(), known.headers or {}))

    def finish(self, owner: str, key: str, answer: StoredAnswer) -> None:
        service.keep_answer(
            self._session,
            owner=owner,
            key=key,
            status=answer.status,
            body=answer.body.decode(),
            headers=dict(answer.headers),
        )
