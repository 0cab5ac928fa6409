"""Declaring attributes for companies, contacts and requests."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from provider_service.accounts import domain, store
from provider_service.accounts.domain import AttributeFacts, AttributeRecord, AttributeType, DeclaredFor
from provider_service.accounts.service.parts import AccountHooks, flush, note
from provider_service.accounts.service.values import attribute_record
from provider_service.accounts.tables import CustomAttribute
from provider_service.audit.domain import Actor, changes
from shared.wire.errors import Conflict, FieldError, NotFound


def declare_attribute(
    session: Session,
    object_: DeclaredFor,
    code: str,
    type_: AttributeType,
    facts: AttributeFacts,
    *,
    unique: bool = False,
    actor: Actor,
    now: datetime,
) -> AttributeRecord:
    """Declare an attribute; object, code, type and uniqueness stay for good.

    Raises `Invalid` (``attribute_invalid``), `Conflict` (``attribute_exists``).
    """
    domain.require_declarable(object_, code, type_, facts, unique=unique)
    if store.attribute(session, object_, code) is not None:
        raise _exists()
    row = CustomAttribute(object=object_, code=code, type=type_, unique_values=unique, created_at=now, version=1)
    _assign(row, facts, now)
    session.add(row)
    flush(session, _exists)
    made = attribute_record(row)
    shown = {"object": object_, "code": code, "type": type_, "unique": unique} | _facts(made)
    note(session, actor, "custom_attribute.created", f"{object_}:{code}", after=shown, now=now)
    return made


def change_attribute(
    session: Session,
    object_: DeclaredFor,
    code: str,
    *,
    change: Callable[[AttributeRecord], AttributeFacts],
    actor: Actor,
    now: datetime,
) -> AttributeRecord:
    """Change label, choices, or whether a value is required, which counts from an owner's next change on.

    Raises `NotFound`, `Invalid` (``attribute_invalid``), `Conflict` (``choice_in_use``).
    """
    row = _required(session, object_, code)
    before = attribute_record(row)
    facts = change(before)
    domain.require_declarable(object_, code, before.type, facts, unique=before.unique)
    lost = sorted(set(before.choices) - set(facts.choices))
    if lost and store.value_of(session, object_, code, lost) is not None:
        raise Conflict(
            "A choice that is taken away is somebody's value",
            code="choice_in_use",
            cause=f"Taken away: {', '.join(lost)}.",
            fix="Change the value wherever it is set first.",
            errors=[FieldError("/choices", "In use")],
        )
    _assign(row, facts, now)
    old, new = changes(_facts(before), _facts(attribute_record(row)))
    if new:
        row.version += 1
        session.flush()
        note(session, actor, "custom_attribute.updated", f"{object_}:{code}", before=old, after=new, now=now)
    return attribute_record(row)


def remove_attribute(
    session: Session, object_: DeclaredFor, code: str, *, hooks: AccountHooks, actor: Actor, now: datetime
) -> None:
    """Take a declaration back. Raises `NotFound`; `Conflict` (``attribute_in_use``) while anything relies on it."""
    row = _required(session, object_, code)
    found = attribute_record(row)
    if store.value_of(session, object_, code) is not None:
        raise _in_use()
    for asked in hooks.before_removal:
        asked(session, found)
    session.delete(row)
    flush(session, _in_use)
    note(session, actor, "custom_attribute.removed", f"{object_}:{code}", before=_facts(found), after={}, now=now)


def get_attribute(session: Session, object_: DeclaredFor, code: str) -> AttributeRecord:
    """Return a declared attribute. Raises `NotFound`."""
    found = store.attribute(session, object_, code)
    if found is None:
        raise _unknown()
    return attribute_record(found)


def find_attribute(session: Session, object_: DeclaredFor, code: str) -> AttributeRecord | None:
    """Return a declared attribute, if there is one."""
    found = store.attribute(session, object_, code)
    return None if found is None else attribute_record(found)


def list_attributes(
    session: Session, object_: DeclaredFor | None = None, *, lock: bool = False
) -> Sequence[AttributeRecord]:
    """Return what is declared, for one object or for all, by object and code; ``lock`` keeps it as it is."""
    return [attribute_record(row) for row in store.attributes(session, object_, lock=lock)]


def _required(session: Session, object_: DeclaredFor, code: str) -> CustomAttribute:
    row = store.attribute(session, object_, code, lock=True)
    if row is None:
        raise _unknown()
    return row


def _assign(row: CustomAttribute, facts: AttributeFacts, now: datetime) -> None:
    row.label, row.required, row.choices, row.updated_at = facts.label, facts.required, list(facts.choices), now


def _facts(record: AttributeRecord) -> dict[str, Any]:
    return {"label": record.label, "required": record.required, "choices": list(record.choices)}


def _unknown() -> NotFound:
    return NotFound("No such attribute is declared", code="attribute_unknown")


def _exists() -> Conflict:
    return Conflict("The attribute is declared already", code="attribute_exists", errors=[FieldError("/code", "Taken")])


def _in_use() -> Conflict:
    return Conflict(
        "The attribute has values",
        code="attribute_in_use",
        cause="Taking it back would lose them.",
        fix="Remove the value wherever it is set first.",
    )
