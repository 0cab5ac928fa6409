"""What an option may be set to; every refusal says why."""

import re
from collections.abc import Mapping
from typing import Final

from provider_service.accounts.domain import AttributeType, DeclaredFor
from provider_service.options.domain.catalogue import Code, Definition, OptionType
from provider_service.options.domain.mapping import Attributes, counterpart, pairs_of
from shared.wire.errors import FieldError, Invalid
from shared.wire.states import Role

LIMIT: Final = 4000
"""Characters of a value, at most."""
_ROLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,239}")
_CATEGORY: Final = re.compile(r"[^\x00-\x1f\x7f]{0,60}")
_NO_LOGIN: Final = frozenset({"LoginId", "RequestTypeCd", "AccountKey"})
"""What cannot name a person: itself, and what many people give alike."""
_CHECKED_TOGETHER: Final = frozenset({Code.REG_CONT_MAP, Code.REG_FLD_CONTACT, Code.USER_ROLE, Code.ACCT_ADMIN_ROLE})


def validated(definition: Definition, text: str, attributes: Attributes) -> str:
    """Return the value in its one spelling. Raises `Invalid` (``option_invalid``) with the reason."""
    if len(text) > LIMIT:
        raise refusal(definition.code, f"Longer than {LIMIT} characters")
    value = text.strip()
    if definition.type is OptionType.MAP:
        return _map(definition, value, attributes)
    if definition.type is OptionType.ATTRIBUTE:
        return _attribute(definition, value, attributes)
    if definition.type is OptionType.ROLE:
        return _role(definition, value)
    if definition.type is OptionType.CATEGORY:
        if not _CATEGORY.fullmatch(value):
            raise refusal(definition.code, "Not one line of at most 60 characters")
        return value
    found = next((one for one in definition.choices if one.casefold() == value.casefold()), None)
    if found is None:
        raise refusal(definition.code, f"Not one of: {', '.join(definition.choices)}")
    return str(found)


def require_consistent(code: str, now: Mapping[str, str], attributes: Attributes) -> None:
    """Raise `Invalid` (``option_invalid``) where a value does not go together with the others; ``now`` has them all."""
    if code not in _CHECKED_TOGETHER:
        return
    if now[Code.USER_ROLE] == now[Code.ACCT_ADMIN_ROLE]:
        raise refusal(code, "Every user would be an administrator: the two roles have to differ")
    field = now[Code.REG_FLD_CONTACT]
    found = counterpart(field, dict(pairs_of(now[Code.REG_CONT_MAP])), attributes.contact)
    if found not in attributes.findable:
        what = f"belongs to {found}, which no contact is found by" if found else "has no counterpart on the contact"
        raise refusal(code, f"{field} {what}, so {Code.REG_FLD_CONTACT} could find nobody")


def refusal(code: str, reason: str) -> Invalid:
    """Return what is raised for a value that will not do."""
    return Invalid(
        "The option cannot have this value",
        code="option_invalid",
        cause=f"{code}: {reason}.",
        errors=[FieldError("/value", reason)],
    )


def _attribute(definition: Definition, value: str, attributes: Attributes) -> str:
    if definition.code is Code.ACCT_KEY_FIELD:
        if value not in attributes.company:
            raise refusal(definition.code, "Not an attribute of the account with unique values")
        return value
    if value not in attributes.request:
        raise refusal(definition.code, "Not an attribute of the request")
    if definition.code is Code.SIGN_IN_ATTR_NAME:
        text = attributes.request[value] in {AttributeType.TEXT, AttributeType.EMAIL}
        if value in _NO_LOGIN or not text:
            raise refusal(definition.code, "Its values cannot name one person")
    return value


def _role(definition: Definition, value: str) -> str:
    if not _ROLE.fullmatch(value):
        raise refusal(definition.code, "Not a name of letters, digits, _ . : and - without blanks")
    if value.casefold() in {role.value.casefold() for role in Role}:
        raise refusal(definition.code, "A role of this console, which nobody gets by registering")
    return value


def _map(definition: Definition, value: str, attributes: Attributes) -> str:
    """Return the pairs in the order given; each attribute of either side stands in one at most."""
    found: dict[str, str] = {}
    for part in value.split(",") if value else ():
        left, sign, right = (word.strip() for word in part.partition("="))
        fault = _pair_fault(left, right, attributes) if sign else "not RegistrationAttribute=ContactAttribute"
        if not fault and (left in found or right in found.values()):
            fault = "one of its attributes stands in another pair"
        if fault:
            raise refusal(definition.code, f"{part.strip()[:120]!a}: {fault}")
        found[left] = right
    return ",".join(f"{left}={right}" for left, right in found.items())


def _pair_fault(left: str, right: str, attributes: Attributes) -> str:
    if left not in attributes.request:
        return f"{left[:60]!a} is not an attribute of the request"
    if right not in attributes.contact:
        return f"{right[:60]!a} is not an attribute of the contact"
    if "EmailAddress" in {left, right} and left != right:
        return "the contact's address is the request's, nothing else"
    have, want = attributes.request[left], attributes.contact[right]
    if have is not want and want is not AttributeType.TEXT:
        return f"{left} is of type {have}, {right} takes {want}"
    if want is AttributeType.CHOICE and not _choices(attributes, left, right):
        return f"{left} has choices that {right} does not take"
    return ""


def _choices(attributes: Attributes, left: str, right: str) -> bool:
    given = attributes.choices.get((DeclaredFor.REQUEST, left), frozenset())
    return given <= attributes.choices.get((DeclaredFor.CONTACT, right), frozenset())
