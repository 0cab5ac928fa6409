"""Attributes of a request: which will do, and which attribute of the contact each becomes (seed: last section)."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from provider_service.accounts.domain import CONTACT_ATTRIBUTES, LONGEST, Address, AttributeType, ContactFacts
from provider_service.directory.domain import email_key
from provider_service.mail.domain import canonical_address
from provider_service.options.domain import counterpart
from shared.wire.errors import FieldError, Invalid
from shared.wire.self_service import REQUEST_ATTRIBUTES, RequestTypeCd

_LINE: Final = re.compile(r"[^\x00-\x1f\x7f]+")
_FIELDS: Final[Mapping[str, str]] = {
    "EmailAddress": "email",
    "FirstName": "first_name",
    "MiddleName": "middle_name",
    "LastName": "last_name",
    "RawWorkPhoneNumber": "work_phone",
    "RawMobileNumber": "mobile_phone",
    "RawHomePhoneNumber": "home_phone",
    "DateOfBirth": "date_of_birth",
    "PlaceOfBirth": "place_of_birth",
}
_ADDRESS: Final[Mapping[str, str]] = {
    "Address1": "line1",
    "Address2": "line2",
    "City": "city",
    "State": "state",
    "Province": "province",
    "PostalCode": "postal_code",
    "Country": "country",
    "AddressType": "type",
}
_PARTS: Final = {"AddressLine1": "Address1", "AddressLine2": "Address2"} | {
    name: name for name in _ADDRESS if name not in {"Address1", "Address2"}
}
_NOT_THE_CONTACTS: Final = frozenset({"RequestTypeCd", "AccountKey", "LoginId"})


def accepted(
    given: Mapping[str, Any], *, account_known: bool = False
) -> tuple[RequestTypeCd, dict[str, str], dict[str, Any]]:
    """Return type, standard attributes and custom ones; empty values are left out.

    ``account_known``: whether the account is fixed, so that no key names it.

    Raises `Invalid` (``attribute_invalid``, ``email_invalid``) naming each that will not do. Custom ones are checked
    where the declarations are known.
    """
    standard: dict[str, str] = {}
    custom: dict[str, Any] = {}
    faults: list[FieldError] = []
    for name, value in given.items():
        if value is None or value == "":
            continue
        if name in REQUEST_ATTRIBUTES:
            fault = _fault(name, value)
            faults += [FieldError(f"/attributes/{name}", fault)] if fault else []
            standard[name] = value.strip() if isinstance(value, str) else ""
        else:
            custom[name] = value
    type_ = RequestTypeCd.CONSUMER if standard.get("RequestTypeCd") == RequestTypeCd.CONSUMER else RequestTypeCd.CONTACT
    faults += _missing(type_, standard, account_known=account_known)
    if faults:
        raise Invalid("The request does not have what it takes", code="attribute_invalid", errors=faults)
    standard["EmailAddress"] = _mailbox(standard["EmailAddress"])
    return type_, standard, custom


def _mailbox(text: str) -> str:
    try:
        return canonical_address(text)
    except Invalid as error:  # the fault is in the attribute, whose field the person looks for
        wrong = [FieldError("/attributes/EmailAddress", one.detail) for one in error.errors]
        raise Invalid(error.detail, code=error.code, cause=error.cause, fix=error.fix, errors=wrong) from error


def login_of(attributes: Mapping[str, Any], sign_in_attribute: str, *, trusted: bool) -> str:
    """Return the LoginId, given or taken from the attribute that the option names.

    ``trusted``: whether staff vouch for it. Nobody else takes a mail address for a login that is not the one the
    mailbox proves: it would be kept from its owner. Raises `Invalid` (``login_invalid``).
    """
    login = str(attributes.get("LoginId") or attributes.get(sign_in_attribute) or "")
    if not login:
        raise _login(f"Give LoginId, or {sign_in_attribute}, which it is taken from")
    if "@" in login and not trusted and email_key(login) != email_key(str(attributes["EmailAddress"])):
        raise _login("A login that is a mail address has to be the request's own")
    return login


def display_name(attributes: Mapping[str, Any]) -> str:
    """Return how the person is shown."""
    names = (attributes.get(name) for name in ("FirstName", "MiddleName", "LastName"))
    return " ".join(str(name) for name in names if name)[:200] or str(attributes["EmailAddress"])


def contact_facts(
    attributes: Mapping[str, Any],
    pairs: Mapping[str, str],
    declared: Mapping[str, AttributeType],
    *,
    language: str,
    category: str,
) -> ContactFacts:
    """Return the contact that a request's attributes make; raise `Invalid` (``attribute_invalid``) for too long a text.

    The same name ignoring ``_c`` belongs together, then what ``pairs`` (``SVC_CSS_REG_CONT_MAP``) says, then the
    address parts as the seed's product has them. ``declared``: types of the attributes declared for contacts.
    """
    known = {**CONTACT_ATTRIBUTES, **declared}
    fields: dict[str, Any] = {}
    addresses: tuple[dict[str, str], dict[str, str]] = ({}, {})
    custom: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in _NOT_THE_CONTACTS:
            continue
        target = counterpart(name, pairs, known)
        if target is None:
            _put_address(addresses, name, str(value))
        elif target in declared:
            custom[target] = _as_text(value) if declared[target] is AttributeType.TEXT else value
        elif target in _ADDRESS:
            addresses[0][_ADDRESS[target]] = _fitting(name, value, target)
        else:
            fields[_FIELDS[target]] = _fitting(name, value, target)
    born = fields.pop("date_of_birth", None)
    given = addresses if addresses[1] else addresses[:1] if addresses[0] else ()
    return ContactFacts(
        **fields,
        name=display_name(attributes),
        date_of_birth=_date(born) if born else None,
        addresses=tuple(Address(**parts) for parts in given),
        attributes=custom,
        language=language,
        category=category,
    )


def _put_address(addresses: tuple[dict[str, str], dict[str, str]], name: str, value: str) -> None:
    for number, which in enumerate(("Primary", "Secondary")):
        part = _PARTS.get(name.removeprefix(which)) if name.startswith(which) else None
        if part is not None:
            addresses[number].setdefault(_ADDRESS[part], value)


def _fault(name: str, value: Any) -> str:
    limit = REQUEST_ATTRIBUTES[name]
    if not isinstance(value, str) or len(value) > limit or not _LINE.fullmatch(value) or not value.strip():
        return f"Not one line of at most {limit} characters"
    if name == "RequestTypeCd" and value not in set(RequestTypeCd):
        return f"Not one of {', '.join(RequestTypeCd)}"
    if name == "DateOfBirth":
        try:
            _date(value)
        except Invalid as error:
            return error.detail
    return ""


def _missing(type_: RequestTypeCd, standard: Mapping[str, str], *, account_known: bool) -> list[FieldError]:
    faults = [] if standard.get("EmailAddress") else [FieldError("/attributes/EmailAddress", "Required")]
    if type_ is RequestTypeCd.CONTACT and not standard.get("AccountKey") and not account_known:
        faults.append(FieldError("/attributes/AccountKey", "Required: it names the account"))
    if type_ is RequestTypeCd.CONSUMER and standard.get("AccountKey"):
        faults.append(FieldError("/attributes/AccountKey", "A request for oneself names no account"))
    return faults


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Not a date like 2001-12-31", code="attribute_invalid") from None


def _fitting(name: str, value: Any, target: str) -> str:
    """Return a text that the contact can take; by the map it may come from an attribute that takes more."""
    text = _as_text(value)
    limit = LONGEST.get(target)
    if limit is not None and len(text) > limit:
        faults = [FieldError(f"/attributes/{name}", f"Not one line of at most {limit} characters")]
        raise Invalid("The request does not have what it takes", code="attribute_invalid", errors=faults)
    return text


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _login(why: str) -> Invalid:
    wrong = [FieldError("/attributes/LoginId", why)]
    return Invalid("The login will not do", code="login_invalid", cause=why, errors=wrong)
