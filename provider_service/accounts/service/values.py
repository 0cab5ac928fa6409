"""Values of declared attributes: held against their declarations, and kept so that they can be looked up."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from provider_service.accounts import domain, store
from provider_service.accounts.domain import AttributeRecord, AttributeType, DeclaredFor
from provider_service.accounts.service.parts import flush
from provider_service.accounts.tables import AttributeValue, CustomAttribute
from shared.wire.errors import Conflict, FieldError


def attribute_record(row: CustomAttribute) -> AttributeRecord:
    """Return a row as a declared attribute."""
    return AttributeRecord(
        object=DeclaredFor(row.object),
        code=row.code,
        type=AttributeType(row.type),
        label=row.label,
        unique=row.unique_values,
        required=row.required,
        choices=tuple(row.choices),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def declared(session: Session, object_: DeclaredFor) -> list[AttributeRecord]:
    """Return the attributes declared for an object, by code."""
    return [attribute_record(row) for row in store.attributes(session, object_)]


def accept_values(session: Session, object_: DeclaredFor, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as they are kept. Raises `Invalid` (``attribute_invalid``) naming each that will not do."""
    return domain.checked(declared(session, object_), given)


def index_values(session: Session, object_: DeclaredFor, owner_id: str, values: Mapping[str, Any]) -> None:
    """Let an owner be found by its values, and by no others. Raises `Conflict` (``attribute_taken``)."""
    present = store.values_of(session, object_, owner_id)
    for one in declared(session, object_):
        key = domain.key_of(one.type, values[one.code]) if one.code in values else None
        row = present.get(one.code)
        if key is None:
            if row is not None:
                session.delete(row)
        elif row is None or row.key != key:
            _require_free(session, one, key, owner_id)
            row = row or AttributeValue(object=object_, code=one.code, owner_id=owner_id)
            row.key, row.unique_key = key, f"{object_}:{one.code}:{key}" if one.unique else None
            session.add(row)
            flush(session, partial(_taken, one.code))


def _require_free(session: Session, one: AttributeRecord, key: str, owner_id: str) -> None:
    if one.unique:
        holder = store.value_of(session, one.object, one.code, [key])
        if holder is not None and holder.owner_id != owner_id:
            raise _taken(one.code)


def _taken(code: str) -> Conflict:
    return Conflict(
        "Another company has this value",
        code="attribute_taken",
        cause=f"Values of {code} are declared to be unique.",
        errors=[FieldError(f"/attributes/{code}", "Taken")],
    )
