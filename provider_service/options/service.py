"""Reading and setting profile options. Nothing is cached: what is set counts in the next transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import AttributeRecord
from provider_service.audit import service as audit
from provider_service.audit.domain import Actor, ActorKind
from provider_service.options import domain, store
from provider_service.options.domain import DEFINITIONS, Attributes, Definition, OptionChange, OptionRecord, Options
from provider_service.options.tables import ProfileOption
from shared.wire.errors import Conflict, Invalid

SUBJECT = "option"
_RESET = "option.reset"


def current(session: Session) -> Options:
    """Return every option as it counts in this transaction."""
    return domain.options_of(_set(store.rows(session)))


def get_option(session: Session, code: str) -> OptionRecord:
    """Return an option. Raises `NotFound` (``option_unknown``)."""
    return _record(domain.definition_of(code), store.rows(session).get(code))


def list_options(session: Session) -> list[OptionRecord]:
    """Return every option, in the design's order."""
    rows = store.rows(session)
    return [_record(one, rows.get(code)) for code, one in DEFINITIONS.items()]


def set_option(
    session: Session, code: str, *, change: Callable[[OptionRecord], str | None], actor: Actor, now: datetime
) -> OptionRecord:
    """Set an option to what ``change`` makes of the present state, read under lock; None gives the default back.

    Raises `NotFound` (``option_unknown``), `Invalid` (``option_invalid``) with the reason. What is set already is no
    change and leaves no trace.
    """
    definition = domain.definition_of(code)
    attributes = Attributes.of(accounts.list_attributes(session, lock=True))  # none is taken back meanwhile
    rows = store.rows(session, lock=True)
    before = _record(definition, rows.get(code))
    wanted = change(before)
    value = definition.default if wanted is None else domain.validated(definition, wanted, attributes)
    domain.require_consistent(code, _now(rows) | {code: value}, attributes)
    if value == before.value and (wanted is None) == before.is_default:
        return before
    row = rows.get(code) or ProfileOption(code=code, version=0)
    row.value = None if wanted is None else value
    row.changed_by, row.changed_at, row.version = actor.name, now, row.version + 1
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=_RESET if wanted is None else "option.set",
        subject_type=SUBJECT,
        subject_id=code,
        before={"value": before.value},
        after={"value": value},
        now=now,
    )
    return _record(definition, row)


def history(session: Session, code: str, *, before: int | None = None, limit: int = 50) -> list[OptionChange]:
    """Return who set an option when, from what to what, the newest first. Raises `NotFound` (``option_unknown``).

    The audit trail is the history. ``before``: the position of the change that stands above the page.
    """
    definition = domain.definition_of(code)
    filters = {"subject_type": SUBJECT, "subject_id": str(definition.code)}
    return [
        OptionChange(
            position=entry.position,
            at=entry.at,
            actor=Actor(cast("ActorKind", entry.actor_kind), entry.actor_id, entry.actor_name),
            before=(entry.before or {})["value"],
            after=(entry.after or {})["value"],
            reset=entry.action == _RESET,
        )
        for entry in audit.trail(session, before=before, limit=limit, filters=filters)
    ]


def forbid_removal(session: Session, attribute: AttributeRecord) -> None:
    """Raise `Conflict` (``attribute_in_use``) where an option would be illegal without a declared attribute.

    Registered as a hook of the declarations; the attribute's row is locked by then.
    """
    left = [one for one in accounts.list_attributes(session) if (one.object, one.code) != _place(attribute)]
    attributes, rows = Attributes.of(left), store.rows(session, lock=True)
    for code, value in _set(rows).items():
        try:
            domain.validated(DEFINITIONS[code], value, attributes)
            domain.require_consistent(code, _now(rows), attributes)
        except Invalid as error:
            raise Conflict(
                f"The profile option {code} relies on the attribute",
                code="attribute_in_use",
                cause=f"It is set to {value}.",
                fix="Set the option to something else first.",
            ) from error


def _place(attribute: AttributeRecord) -> tuple[str, str]:
    return attribute.object, attribute.code


def _set(rows: Mapping[str, ProfileOption]) -> dict[str, str]:
    return {code: row.value for code, row in rows.items() if row.value is not None and code in DEFINITIONS}


def _now(rows: Mapping[str, ProfileOption]) -> dict[str, str]:
    return {str(code): one.default for code, one in DEFINITIONS.items()} | _set(rows)


def _record(definition: Definition, row: ProfileOption | None) -> OptionRecord:
    value = None if row is None else row.value
    return OptionRecord(
        definition=definition,
        value=definition.default if value is None else value,
        is_default=value is None,
        changed_by=row.changed_by if row else None,
        changed_at=row.changed_at if row else None,
        version=row.version if row else 0,
    )
