"""Who may do what: the one table of roles and the privileges they grant (design: self_service.md, *Request*)."""

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Final

from shared.wire.errors import Forbidden
from shared.wire.states import Role


class Privilege(StrEnum):
    """What a role may do in self-service registration."""

    SUBMIT_FOR_OTHERS = "submit for others"
    ASSOCIATE = "associate user with contact"
    """The seed's: tie a user there is to a contact on somebody's behalf."""
    READ = "read requests"
    START = "start requests"
    DECIDE = "decide requests"
    ADMINISTER_ROLES = "administer roles"
    INVITE = "invite"
    REMOVE_LAST_ADMINISTRATOR = "remove the last account administrator"


_STAFF: Final = frozenset(Privilege) - {Privilege.ASSOCIATE, Privilege.REMOVE_LAST_ADMINISTRATOR}

BY_ROLE: Final[Mapping[Role, frozenset[Privilege]]] = {
    Role.ADMIN: frozenset(Privilege),
    Role.SN_SB_ADMIN: _STAFF,
    Role.SN_SB_READ: frozenset({Privilege.READ}),
}
"""What staff may, for every account. Both administrators hold the seed's Customer Self-Service Administrator duty role;
*associate user with contact* goes with ``admin`` alone, since it lets somebody act as a person there is."""

OF_ACCOUNT_ADMINISTRATOR: Final = frozenset(
    {Privilege.READ, Privilege.START, Privilege.DECIDE, Privilege.ADMINISTER_ROLES, Privilege.INVITE}
)
"""What an account's administrator may, for that account alone: the seed's Account Administrator job role."""


def privileges_of(roles: Set[Role]) -> frozenset[Privilege]:
    """Return what somebody with these roles of the console may, for every account."""
    return frozenset().union(*(BY_ROLE.get(role, frozenset()) for role in roles))


def require_privilege(held: Set[Privilege], wanted: Privilege) -> None:
    """Raise `Forbidden` (``privilege_missing``) unless ``wanted`` is held."""
    if wanted not in held:
        raise Forbidden(
            "Your roles do not allow this",
            code="privilege_missing",
            cause=f"It takes the privilege: {wanted}.",
            fix="Ask an administrator.",
        )
