"""Keys: how they do, which there are, and replacing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.console import forms
from consumer_service.console.deps import AnyoneDep, KeyManagerDep, console_router, notify, page, say_error
from consumer_service.console.forms import Form
from consumer_service.context import Context, ContextDep
from consumer_service.directory import service as directory
from consumer_service.keys import service
from consumer_service.keys.deps import KeyHooksDep
from consumer_service.keys.domain import MANAGERS, READERS, ROTATABLE, HealthNode, Key, verdict
from consumer_service.keys.service import KeyHooks
from shared.interface.languages import Told
from shared.wire.errors import Conflict, Invalid
from shared.wire.states import KeyPurpose, Role

router = console_router()

TYPED = 8
"""Characters of a key's id that are typed to confirm giving it up."""

NAMED = 10
"""People named to somebody who lacks a role, at most."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Everything the page of the keys shows to whoever may see it."""

    tree: HealthNode
    keys: Sequence[Key]
    waiting: Mapping[str, Sequence[str]]
    sequence: int
    assigned_by: Sequence[str]
    """Who can give the roles that one lacks."""


@router.get("/keys")
async def show_keys(request: Request, context: ContextDep, caller: AnyoneDep, hooks: KeyHooksDep) -> Response:
    """Show the diagnosis and the keys to holders of a key role, to everybody else the plain verdict."""
    ring = await context.database.read(_look, context, hooks)
    return page(
        request,
        "keys/page.html",
        ring=ring,
        verdict=verdict(ring.tree),
        tree=[_node(ring.tree)],
        reader=not caller.roles.isdisjoint(READERS),
        manager=not caller.roles.isdisjoint(MANAGERS),
        readers=READERS,
        rotatable=[purpose for purpose in KeyPurpose if purpose in ROTATABLE],
    )


@router.post("/keys/rotations")
async def rotate(request: Request, context: ContextDep, caller: KeyManagerDep, hooks: KeyHooksDep) -> Response:
    """Publish the next key of a purpose; it signs as soon as every peer has acknowledged it."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> Key:
        purpose = _purpose(form.value("purpose"))
        return service.rotate(session, context.masters, purpose, actor=caller.actor, hooks=hooks, now=now)

    try:
        made = await context.database.write(work, context.clock())
    except (Conflict, Invalid) as error:
        return say_error(request, "/keys", error)
    return notify(request, "/keys", "success", "The next {purpose} key was made.", purpose=made.purpose)


@router.post("/keys/{kid}/activate")
async def activate(
    kid: str, request: Request, context: ContextDep, caller: KeyManagerDep, hooks: KeyHooksDep
) -> Response:
    """Let a published key sign now, although some peers may not know it."""

    def work(session: Session, now: datetime) -> Key:
        return service.activate(session, context.masters, kid, insist=True, actor=caller.actor, hooks=hooks, now=now)

    try:
        await context.database.write(work, context.clock())
    except Conflict as error:
        return say_error(request, "/keys", error)
    return notify(request, "/keys", "success", "The key signs from now on.")


@router.get("/keys/{kid}/compromise")
async def ask_to_compromise(kid: str, request: Request, context: ContextDep, _caller: KeyManagerDep) -> Response:
    """Ask whether to give a key up."""
    key = await context.database.read(service.get_key, kid)
    return page(request, "keys/compromise.html", key=key, typed=kid[:TYPED], form=Form())


@router.post("/keys/{kid}/compromise")
async def compromise(
    kid: str, request: Request, context: ContextDep, caller: KeyManagerDep, hooks: KeyHooksDep
) -> Response:
    """Give up a key somebody else may have: it is worthless at once."""
    form = await forms.read(request)
    key = await context.database.read(service.get_key, kid)
    wrong = _unconfirmed(form, kid[:TYPED])
    if wrong is not None:
        return page(request, "keys/compromise.html", status_code=400, key=key, typed=kid[:TYPED], form=wrong)

    def work(session: Session, now: datetime) -> None:
        reason = form.value("reason").strip()[:500]
        service.compromise(session, context.masters, kid, reason=reason, actor=caller.actor, hooks=hooks, now=now)

    try:
        await context.database.write(work, context.clock())
    except Conflict as error:
        return say_error(request, "/keys", error)
    return notify(request, "/keys", "success", "The key was given up. Nothing signed by it counts any more.")


@router.get("/keys/rekey")
async def ask_to_rekey(request: Request, context: ContextDep, _caller: KeyManagerDep) -> Response:
    """Ask whether to replace the identity."""
    thumbprint = await context.database.read(service.identity_thumbprint)
    return page(request, "keys/rekey.html", typed=thumbprint[:TYPED], form=Form())


@router.post("/keys/rekey")
async def rekey(request: Request, context: ContextDep, caller: KeyManagerDep, hooks: KeyHooksDep) -> Response:
    """Replace the identity; every connection is suspended until it is re-keyed by a new invitation."""
    form = await forms.read(request)
    thumbprint = await context.database.read(service.identity_thumbprint)
    wrong = _unconfirmed(form, thumbprint[:TYPED])
    if wrong is not None:
        return page(request, "keys/rekey.html", status_code=400, typed=thumbprint[:TYPED], form=wrong)

    def work(session: Session, now: datetime) -> None:
        reason = form.value("reason").strip()[:500]
        service.rekey(session, context.masters, reason=reason, actor=caller.actor, hooks=hooks, now=now)

    await context.database.write(work, context.clock())
    return notify(request, "/keys", "success", "This instance has a new identity. Invite every peer again.")


def _look(session: Session, context: Context, hooks: KeyHooks) -> Ring:
    holders = directory.list_users(session, active=True, role=Role.SN_KMF_ADMIN, limit=NAMED)
    return Ring(
        tree=service.health(session, context.masters, now=context.clock()),
        keys=service.list_keys(session),
        waiting=service.waiting(session, hooks=hooks),
        sequence=service.sequence(session),
        assigned_by=[person.name for person in holders],
    )


def _node(node: HealthNode) -> dict[str, Any]:
    """Return a node of the diagnosis as the page's tree takes it."""
    return {
        "title": node.title,
        "state": node.colour.value,
        "text": Told.of((node.found, node.cause, node.fix)),
        "children": [_node(child) for child in node.children],
    }


def _purpose(text: str) -> KeyPurpose:
    try:
        return KeyPurpose(text)
    except ValueError:
        raise Invalid("There is no such purpose", fix="Choose one of the buttons.") from None


def _unconfirmed(form: Form, typed: str) -> Form | None:
    """Return the form with what is missing: the text to type, or the reason; None where all is there."""
    if form.value("confirmation").strip() != typed:
        return form.wrong_at("confirmation", "This is not the text to type.")
    if not form.value("reason").strip():
        return form.wrong_at("reason", "Say why.")
    return None
