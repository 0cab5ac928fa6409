"""Attributes an administrator declares: what may be declared, what is a value of one, and how values compare.

Values are compared exactly: text, choices and dates as they are spelled, case counting; numbers by value (``1`` is
``1.0``); e-mail addresses folded, as everywhere.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from provider_service.directory.domain import email_key
from provider_service.mail.domain import canonical_address
from shared.wire.errors import FieldError, Invalid

TEXT_LIMIT: Final = 320
"""Characters of a value, at most: as many as an account key may have."""
_NUMBER_LIMIT: Final = 1e15
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f]+")
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,57}_c")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class DeclaredFor(StrEnum):
    """What an attribute can be declared for."""

    CONTACT = "contact"
    COMPANY = "company"
    REQUEST = "request"
    """A self-service registration request."""


class AttributeType(StrEnum):
    """What values an attribute takes."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    CHOICE = "choice"
    EMAIL = "email"


CONTACT_ATTRIBUTES: Final[Mapping[str, AttributeType]] = {
    "EmailAddress": AttributeType.EMAIL,
    "FirstName": AttributeType.TEXT,
    "MiddleName": AttributeType.TEXT,
    "LastName": AttributeType.TEXT,
    "RawWorkPhoneNumber": AttributeType.TEXT,
    "RawMobileNumber": AttributeType.TEXT,
    "RawHomePhoneNumber": AttributeType.TEXT,
    "DateOfBirth": AttributeType.DATE,
    "PlaceOfBirth": AttributeType.TEXT,
    "Address1": AttributeType.TEXT,
    "Address2": AttributeType.TEXT,
    "City": AttributeType.TEXT,
    "State": AttributeType.TEXT,
    "Province": AttributeType.TEXT,
    "PostalCode": AttributeType.TEXT,
    "Country": AttributeType.TEXT,
    "AddressType": AttributeType.TEXT,
}
"""The contact's attributes, by the names the seed's product gives them; those of an address are of the primary one."""

LONGEST: Final[Mapping[str, int]] = {
    **{name: 150 for name, type_ in CONTACT_ATTRIBUTES.items() if type_ is AttributeType.TEXT},
    "RawWorkPhoneNumber": 60,
    "RawMobileNumber": 60,
    "RawHomePhoneNumber": 60,
    "Address1": 240,
    "Address2": 240,
}
"""Characters of the contact's texts, at most."""

FINDABLE: Final[Mapping[str, str]] = {
    "EmailAddress": "email_key",
    "FirstName": "first_name",
    "MiddleName": "middle_name",
    "LastName": "last_name",
    "RawWorkPhoneNumber": "work_phone",
    "RawMobileNumber": "mobile_phone",
    "RawHomePhoneNumber": "home_phone",
    "DateOfBirth": "date_of_birth",
    "PlaceOfBirth": "place_of_birth",
}
"""Attributes a contact is found by, beside declared ones, to their columns. An address is nobody's alone."""

COMPANY_ATTRIBUTES: Final[Mapping[str, str]] = {"OrganizationName": "name", "ExternalKey": "external_key"}
"""Attributes a company is found by, beside declared unique ones, to their columns."""


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """What may be said about an attribute once it is declared."""

    label: str
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeRecord:
    """A declared attribute."""

    object: DeclaredFor
    code: str
    type: AttributeType
    label: str
    unique: bool
    required: bool
    choices: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    version: int


def require_declarable(
    object_: DeclaredFor, code: str, type_: AttributeType, facts: AttributeFacts, *, unique: bool
) -> None:
    """Raise `Invalid` (``attribute_invalid``) naming each member that will not do."""
    faults = []
    if not _CODE.fullmatch(code):
        faults.append(FieldError("/code", "Begins with a letter and ends in _c, like Region_c, at most 60 characters"))
    if unique and (object_ is not DeclaredFor.COMPANY or type_ is AttributeType.BOOLEAN):
        faults.append(FieldError("/unique", "Only attributes of a company are unique, and never one with two values"))
    if (type_ is AttributeType.CHOICE) is not bool(facts.choices):
        faults.append(FieldError("/choices", "A choice needs its choices, and nothing else has them"))
    if len(set(facts.choices)) != len(facts.choices):
        faults.append(FieldError("/choices", "Each choice is listed once"))
    if faults:
        raise Invalid("The attribute cannot be declared like this", code="attribute_invalid", errors=faults)


def checked(declared: Sequence[AttributeRecord], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as they are kept, by code; None drops one.

    Raises `Invalid` (``attribute_invalid``) naming each attribute that is not declared, missing, or of another type.
    """
    kept: dict[str, Any] = {}
    known = {one.code: one for one in declared}
    faults = [FieldError(_at(code), "No such attribute is declared") for code in given if code not in known]
    for one in declared:
        value = given.get(one.code)
        if value is None:
            if one.required:
                faults.append(FieldError(_at(one.code), "Required"))
            continue
        fault, canonical = _canonical(one, value)
        if fault:
            faults.append(FieldError(_at(one.code), fault))
        kept[one.code] = canonical
    if faults:
        raise Invalid(
            "An attribute does not have a value it could have",
            code="attribute_invalid",
            fix="Declared attributes, with their types, are listed at /api/v1/custom-attributes.",
            errors=faults,
        )
    return kept


def key_of(type_: AttributeType, value: Any) -> str | None:
    """Return the spelling a value is compared by, None where nothing of this type is spelled like that."""
    if type_ is AttributeType.NUMBER:
        return _number_key(value)
    if type_ is AttributeType.BOOLEAN:
        return {"true": "true", "false": "false"}.get(str(value).lower())
    if type_ is AttributeType.EMAIL:
        return email_key(str(value))
    text = str(value)
    return text if 0 < len(text) <= TEXT_LIMIT and _LINE.fullmatch(text) else None


def _canonical(one: AttributeRecord, value: Any) -> tuple[str, Any]:
    """Return what is wrong with a value, or nothing, and the value as it is kept."""
    if one.type is AttributeType.NUMBER:
        return _number(value)
    if one.type is AttributeType.BOOLEAN:
        return ("" if isinstance(value, bool) else "Not true or false"), value
    if not isinstance(value, str) or len(value) > TEXT_LIMIT or not _LINE.fullmatch(value):
        return f"Not one line of 1 to {TEXT_LIMIT} characters", None
    if one.type is AttributeType.DATE:
        return ("" if _is_date(value) else "Not a date like 2026-12-31"), value
    if one.type is AttributeType.CHOICE:
        return ("" if value in one.choices else "Not one of the choices"), value
    return _email(value) if one.type is AttributeType.EMAIL else ("", value)


def _number(value: Any) -> tuple[str, Any]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= _NUMBER_LIMIT:
        return f"Not a number between -{_NUMBER_LIMIT:.0e} and {_NUMBER_LIMIT:.0e}", None
    return "", value


def _email(value: str) -> tuple[str, Any]:
    try:
        return "", canonical_address(value)
    except Invalid:
        return "Not a mail address", None


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _number_key(value: Any) -> str | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(number) or abs(number) > _NUMBER_LIMIT:
        return None
    return str(int(number)) if number.is_integer() else repr(number)


def _at(code: str) -> str:
    return "/attributes/" + code[:64].replace("~", "~0").replace("/", "~1")
