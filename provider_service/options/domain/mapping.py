"""Attributes of requests and contacts, and which of them belong together (design: self_service.md, *Matching*)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provider_service.accounts.domain import (
    COMPANY_ATTRIBUTES,
    CONTACT_ATTRIBUTES,
    FINDABLE,
    AttributeRecord,
    AttributeType,
    DeclaredFor,
)
from shared.wire.self_service import REQUEST_ATTRIBUTES

_TYPES: Final = {"EmailAddress": AttributeType.EMAIL, "DateOfBirth": AttributeType.DATE}


@dataclass(frozen=True, slots=True)
class Attributes:
    """Every attribute there is, standard and declared, by name."""

    request: Mapping[str, AttributeType]
    contact: Mapping[str, AttributeType]
    findable: frozenset[str]
    """Attributes of the contact that it can be found by."""
    company: frozenset[str]
    """Attributes of the account whose values belong to one account, or are made to by looking for exactly one."""
    choices: Mapping[tuple[DeclaredFor, str], frozenset[str]]

    @classmethod
    def of(cls, declared: Sequence[AttributeRecord]) -> "Attributes":
        """Return the standard attributes together with the declared ones."""
        own = {kind: {one.code: one.type for one in declared if one.object is kind} for kind in DeclaredFor}
        standard = {name: _TYPES.get(name, AttributeType.TEXT) for name in REQUEST_ATTRIBUTES}
        unique = {one.code for one in declared if one.object is DeclaredFor.COMPANY and one.unique}
        return cls(
            request={**standard, **own[DeclaredFor.REQUEST]},
            contact={**CONTACT_ATTRIBUTES, **own[DeclaredFor.CONTACT]},
            findable=frozenset({*FINDABLE, *own[DeclaredFor.CONTACT]}),
            company=frozenset({*COMPANY_ATTRIBUTES, *unique}),
            choices={(one.object, one.code): frozenset(one.choices) for one in declared},
        )


def pairs_of(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a map that was validated."""
    return [(left, right) for left, _, right in (part.partition("=") for part in text.split(",") if part)]


def counterpart(name: str, pairs: Mapping[str, str], contact: Mapping[str, AttributeType]) -> str | None:
    """Return the contact's attribute that belongs to an attribute of the request, if there is one.

    The same name, ignoring ``_c``, belongs together by itself; the map says it for the rest (seed). The contact's
    address is the request's, whose mailbox was proven, and nothing that is merely called like it.
    """
    if name in contact:
        return name
    bare = name.removesuffix("_c")
    same = next((other for other in contact if other.removesuffix("_c") == bare and other != "EmailAddress"), None)
    return same or pairs.get(name)
