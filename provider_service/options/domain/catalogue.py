"""Every profile option: code, type, default and effect (design: self_service.md, *Profile options*)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from provider_service.audit.domain import Actor
from provider_service.options.domain.mapping import pairs_of
from shared.wire.errors import NotFound


class Code(StrEnum):
    """The options, by the names the seed gives them."""

    ALLOW_CONTACT = "SVC_CSS_ALLOW_CONTACT"
    ALLOW_CONSUMER = "SVC_CSS_ALLOW_CONSUMER"
    SELF_REGISTRATION = "SVC_CSS_SELF_REGISTRATION"
    AUTO_APPROVE = "SVC_CSS_SELF_REG_AUTO_APPROVE"
    B2C_AUTO_APPROVE = "ORA_SVC_CSS_SELF_REG_B2C_AUTO_APPROVE"
    ACCT_ADMIN_APPROVE = "SVC_CSS_ACCT_ADMIN_APPROVE"
    ACCT_KEY_FIELD = "SVC_CSS_ACCT_KEY_FIELD"
    REG_FLD_CONTACT = "SVC_CSS_REG_FLD_CONTACT"
    REG_CONT_MAP = "SVC_CSS_REG_CONT_MAP"
    SIGN_IN_ATTR_NAME = "SVC_CSS_SIGN_IN_ATTR_NAME"
    USER_ROLE = "SVC_CSS_USER_ROLE_COMMON_NAME"
    ACCT_ADMIN_ROLE = "SVC_CSS_ACCT_ADMIN_ROLE_COMMON_NAME"
    CONSUMER_USER_CATEGORY = "SVC_CSS_CONSUMER_USER_CATEGORY"


class OptionType(StrEnum):
    """What an option's value is."""

    BOOLEAN = "boolean"
    """TRUE or FALSE."""
    CHOICE = "choice"
    ATTRIBUTE = "attribute"
    """Name of an attribute."""
    MAP = "map"
    """Pairs of attributes, ``RegistrationAttribute=ContactAttribute``, separated by commas."""
    ROLE = "role"
    """Common name of a role."""
    CATEGORY = "category"


class SelfRegistration(StrEnum):
    """Who may register: values of SVC_CSS_SELF_REGISTRATION."""

    NONE = "None"
    NEW_OR_EXISTING = "New Or Existing"
    EXISTING_ONLY = "Existing Only"


@dataclass(frozen=True, slots=True)
class Definition:
    """An option as it is known before anybody sets it."""

    code: Code
    type: OptionType
    default: str
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OptionRecord:
    """An option as it counts now."""

    definition: Definition
    value: str
    is_default: bool
    """Whether nothing was set, or what was set has been reset."""
    changed_by: str | None
    changed_at: datetime | None
    version: int
    """0 until it is first set."""


@dataclass(frozen=True, slots=True)
class OptionChange:
    """Somebody set an option."""

    position: int
    """Place in the audit trail."""
    at: datetime
    actor: Actor
    before: str
    after: str
    reset: bool
    """Whether the default was given back."""


@dataclass(frozen=True, slots=True)
class Options:
    """Every option as it counts in one transaction."""

    allow_contact: bool
    allow_consumer: bool
    self_registration: SelfRegistration
    auto_approve: bool
    b2c_auto_approve: bool
    acct_admin_approve: bool
    acct_key_field: str
    reg_fld_contact: str
    reg_cont_map: Mapping[str, str]
    """Attribute of the request to the attribute of the contact that takes its value."""
    sign_in_attr_name: str
    user_role: str
    acct_admin_role: str
    consumer_user_category: str


_BOTH: Final = ("FALSE", "TRUE")

_ALL: Final = (
    Definition(
        Code.ALLOW_CONTACT,
        OptionType.BOOLEAN,
        "TRUE",
        "Requests tied to an account go on by themselves as far as approval; otherwise a person has to start each.",
        _BOTH,
    ),
    Definition(
        Code.ALLOW_CONSUMER,
        OptionType.BOOLEAN,
        "FALSE",
        "B2C requests go on by themselves as far as approval; otherwise a person has to start each.",
        _BOTH,
    ),
    Definition(
        Code.SELF_REGISTRATION,
        OptionType.CHOICE,
        SelfRegistration.NEW_OR_EXISTING,
        "Who may register: nobody, anybody, or only people who are contacts already.",
        tuple(SelfRegistration),
    ),
    Definition(
        Code.AUTO_APPROVE,
        OptionType.BOOLEAN,
        "FALSE",
        "Requests tied to an account need no person.",
        _BOTH,
    ),
    Definition(Code.B2C_AUTO_APPROVE, OptionType.BOOLEAN, "FALSE", "B2C requests need no person.", _BOTH),
    Definition(
        Code.ACCT_ADMIN_APPROVE,
        OptionType.BOOLEAN,
        "TRUE",
        "Account administrators may decide requests of their own account.",
        _BOTH,
    ),
    Definition(
        Code.ACCT_KEY_FIELD,
        OptionType.ATTRIBUTE,
        "OrganizationName",
        "The attribute of the account that AccountKey must equal, on exactly one account.",
    ),
    Definition(
        Code.REG_FLD_CONTACT,
        OptionType.ATTRIBUTE,
        "EmailAddress",
        "The attribute of the request that finds an existing contact.",
    ),
    Definition(
        Code.REG_CONT_MAP,
        OptionType.MAP,
        "",
        "Which attribute of the request goes to which attribute of the contact, where their names differ.",
    ),
    Definition(
        Code.SIGN_IN_ATTR_NAME,
        OptionType.ATTRIBUTE,
        "EmailAddress",
        "The attribute of the request that becomes its LoginId when it gives none.",
    ),
    Definition(
        Code.USER_ROLE,
        OptionType.ROLE,
        "ORA_SVC_CUSTOMER_SELF_SERVICE_USER_ABSTRACT",
        "The role every approved user gets.",
    ),
    Definition(
        Code.ACCT_ADMIN_ROLE,
        OptionType.ROLE,
        "ORA_SVC_CUSTOMER_SELF_SERVICE_ACCOUNT_ADMINISTRATOR_ABSTRACT",
        "The role of the account's first user.",
    ),
    Definition(Code.CONSUMER_USER_CATEGORY, OptionType.CATEGORY, "", "The category of B2C users."),
)

DEFINITIONS: Final[Mapping[str, Definition]] = {one.code: one for one in _ALL}
"""By code, in the design's order."""


def definition_of(code: str) -> Definition:
    """Return an option's definition. Raises `NotFound` (``option_unknown``)."""
    found = DEFINITIONS.get(code)
    if found is None:
        raise NotFound(
            "There is no such profile option", code="option_unknown", cause=f"Options are: {', '.join(DEFINITIONS)}."
        )
    return found


def options_of(values: Mapping[str, str]) -> Options:
    """Return every option for use; ``values`` are those that were set, by code."""
    now = {code: values.get(code, one.default) for code, one in DEFINITIONS.items()}
    return Options(
        allow_contact=now[Code.ALLOW_CONTACT] == "TRUE",
        allow_consumer=now[Code.ALLOW_CONSUMER] == "TRUE",
        self_registration=SelfRegistration(now[Code.SELF_REGISTRATION]),
        auto_approve=now[Code.AUTO_APPROVE] == "TRUE",
        b2c_auto_approve=now[Code.B2C_AUTO_APPROVE] == "TRUE",
        acct_admin_approve=now[Code.ACCT_ADMIN_APPROVE] == "TRUE",
        acct_key_field=now[Code.ACCT_KEY_FIELD],
        reg_fld_contact=now[Code.REG_FLD_CONTACT],
        reg_cont_map=dict(pairs_of(now[Code.REG_CONT_MAP])),
        sign_in_attr_name=now[Code.SIGN_IN_ATTR_NAME],
        user_role=now[Code.USER_ROLE],
        acct_admin_role=now[Code.ACCT_ADMIN_ROLE],
        consumer_user_category=now[Code.CONSUMER_USER_CATEGORY],
    )
