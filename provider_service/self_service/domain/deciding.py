"""What is decided about a request, as a function of what was found (design: self_service.md, *Matching*).

Asked twice: at admission, what comes next for a request whose mailbox is proven; at approval, on fresh data and under
locks, what is done. Nothing here reads or writes; whoever asks looks everything up in the transaction that acts on it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provider_service.options.domain import SelfRegistration


class Moment(StrEnum):
    """When the question is asked."""

    ADMISSION = "admission"
    APPROVAL = "approval"


class Submitter(StrEnum):
    """Who submitted the request, seen from the user that its LoginId finds."""

    ANONYMOUS = "anonymous"
    ADMINISTRATOR_WITH_PRIVILEGE = "administrator_with_privilege"
    """Holds the Customer Self-Service Administrator duty role and *associate user with contact*."""
    ADMINISTRATOR_WITHOUT_PRIVILEGE = "administrator_without_privilege"
    AUTHENTICATED_AS_USER = "authenticated_as_user"
    AUTHENTICATED_AS_ANOTHER = "authenticated_as_another"
    RELAYED_BY_ENROLLER = "relayed_by_enroller"
    """By the connection that enrolled the user, naming it."""
    RELAYED_BY_ANOTHER = "relayed_by_another"
    """By a connection that did not, whatever it says: its word counts for nobody else's users."""


class RequestType(StrEnum):
    """What is asked for."""

    FUSION = "fusion"
    B2C = "b2c"


class Account(StrEnum):
    """How many accounts AccountKey names; a B2C request names none, which is as clear as one."""

    ONE = "one"
    UNCLEAR = "unclear"


class Contact(StrEnum):
    """The contact that the request finds."""

    ABSENT = "absent"
    UNSTAMPED = "unstamped"
    STAMPED_WITH_USER = "stamped_with_user"
    STAMPED_WITH_ANOTHER = "stamped_with_another"
    OTHER_EMAIL = "other_email"
    """One whose e-mail is not the request's."""
    SEVERAL = "several"
    STAMPED_WITH_NOBODY = "stamped_with_nobody"
    """With a GUID whose user is gone."""
    ELSEWHERE = "elsewhere"
    """Of a relayed request: one who is no contact of the connection's own company."""


class User(StrEnum):
    """The user of the identity directory that LoginId finds."""

    ABSENT = "absent"
    SAME_EMAIL = "same_email"
    OTHER_EMAIL = "other_email"
    """Its e-mail is not the request's."""


class DecisionOutcome(StrEnum):
    """What is decided. The first five answer at admission, the others at approval."""

    REFUSE = "refuse"
    """The request is not taken on. A visitor is told the same as always."""
    HOLD = "hold"
    """It stays pending until a person starts it."""
    STAFF = "staff"
    """Staff decide."""
    ACCOUNT_ADMINISTRATORS = "account_administrators"
    """Administrators of its account decide, or staff."""
    PROCEED = "proceed"
    """It is approved without a person."""

    CREATE_CONTACT_AND_USER = "create_contact_and_user"
    CREATE_USER = "create_user"
    """Create the user and stamp the contact."""
    CREATE_CONTACT = "create_contact"
    """Create the contact and stamp it with the user."""
    STAMP = "stamp"
    FURTHER_ACCOUNT = "further_account"
    """Contact and user belong together already; grant the role for this account."""
    NOTHING = "nothing"
    """Everything is there already; say so."""
    FAIL = "fail"
    """The approval fails, nothing changed: the submitter may not do this to an existing user."""
    REFER = "refer"
    """Staff have to settle what was found first, nothing changed."""


class DecisionReason(StrEnum):
    """Why it is decided so, where it is not what was asked for."""

    CLOSED = "closed"
    NO_CONTACT = "no_contact"
    ACCOUNT_UNCLEAR = "account_unclear"
    CONTACT_SEVERAL = "contact_several"
    CONTACT_OTHER_EMAIL = "contact_other_email"
    STAMPED_OTHERWISE = "stamped_otherwise"
    STAMP_WITHOUT_USER = "stamp_without_user"
    NOT_THAT_USER = "not_that_user"
    USER_OTHER_EMAIL = "user_other_email"
    CONTACT_ELSEWHERE = "contact_elsewhere"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found. Raises ValueError for what cannot be: whoever looked it up has made a mistake."""

    moment: Moment
    submitter: Submitter
    type: RequestType
    account: Account
    contact: Contact
    user: User
    allow: bool
    """``ALLOW_*`` of its type is TRUE, or a person has started it."""
    auto_approve: bool
    """``AUTO_APPROVE`` of its type."""
    account_administrators: bool
    """``SVC_CSS_ACCT_ADMIN_APPROVE``."""
    self_registration: SelfRegistration

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.user == User.ABSENT and (self.submitter in _HIMSELF or self.contact == Contact.STAMPED_WITH_USER):
            raise ValueError("this cannot be: somebody or something belongs to a user that there is not")
        if self.type == RequestType.B2C and self.account == Account.UNCLEAR:
            raise ValueError("this cannot be: a B2C request has no account")
        relayed = self.submitter in _RELAYED
        if (relayed and self.type == RequestType.B2C) or (not relayed and self.contact == Contact.ELSEWHERE):
            raise ValueError("this cannot be: a connection, and nobody else, asks for its own company alone")


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided, and why where it is not what was asked for."""

    outcome: DecisionOutcome
    reason: DecisionReason | None = None


_RELAYED: Final = frozenset({Submitter.RELAYED_BY_ENROLLER, Submitter.RELAYED_BY_ANOTHER})

_HIMSELF: Final = frozenset({Submitter.AUTHENTICATED_AS_USER, Submitter.RELAYED_BY_ENROLLER})

_SETTLED_BY_STAFF: Final = {
    Contact.SEVERAL: DecisionReason.CONTACT_SEVERAL,
    Contact.OTHER_EMAIL: DecisionReason.CONTACT_OTHER_EMAIL,
    Contact.STAMPED_WITH_ANOTHER: DecisionReason.STAMPED_OTHERWISE,
    Contact.STAMPED_WITH_NOBODY: DecisionReason.STAMP_WITHOUT_USER,
    Contact.ELSEWHERE: DecisionReason.CONTACT_ELSEWHERE,
}
"""Design: another e-mail, several contacts, another user's stamp, a stamp without its user: staff decide. A relayed
submitter acts only for its connection's own company, so that a contact it does not have is for staff too."""


def decide(facts: Facts) -> Decision:
    """Return what comes next for a request, or at approval what is done."""
    return _approval(facts) if facts.moment == Moment.APPROVAL else _admission(facts)


def grants_administrator(
    *, first_user: bool, approved_by_person: bool, key_secret: bool, domain_verified: bool, relayed: bool
) -> bool:
    """Tell whether the user becomes the account's administrator now; where not, a first user waits for staff.

    Without a person's approval a secret key or a verified domain has to vouch, or a stranger who knows a company's
    name would own it; for what a consumer relays nothing vouches (design).
    """
    vouched = (key_secret or domain_verified) and not relayed
    return first_user and (approved_by_person or vouched)


def _admission(facts: Facts) -> Decision:
    if facts.self_registration == SelfRegistration.NONE:
        return Decision(DecisionOutcome.REFUSE, DecisionReason.CLOSED)
    if facts.self_registration == SelfRegistration.EXISTING_ONLY and facts.contact == Contact.ABSENT:
        return Decision(DecisionOutcome.REFUSE, DecisionReason.NO_CONTACT)
    if not facts.allow:
        return Decision(DecisionOutcome.HOLD)
    match = _approval(facts)
    if (
        match.reason is not None
    ):  # nothing that only staff can settle goes through by itself, or to account administrators
        return Decision(DecisionOutcome.STAFF, match.reason)
    if facts.auto_approve:
        return Decision(DecisionOutcome.PROCEED)
    if facts.type == RequestType.FUSION and facts.account_administrators:
        return Decision(DecisionOutcome.ACCOUNT_ADMINISTRATORS)
    return Decision(DecisionOutcome.STAFF)


def _approval(facts: Facts) -> Decision:
    if facts.account == Account.UNCLEAR:
        return Decision(DecisionOutcome.REFER, DecisionReason.ACCOUNT_UNCLEAR)
    unsettled = _SETTLED_BY_STAFF.get(facts.contact)
    if unsettled is not None:
        return Decision(DecisionOutcome.REFER, unsettled)
    if facts.user == User.ABSENT:  # seed: rows four and five, whoever submits
        absent = facts.contact == Contact.ABSENT
        return Decision(DecisionOutcome.CREATE_CONTACT_AND_USER if absent else DecisionOutcome.CREATE_USER)
    refusal = _refusal(facts)
    if refusal is not None:
        return Decision(DecisionOutcome.FAIL, refusal)
    if facts.contact == Contact.ABSENT:
        return Decision(DecisionOutcome.CREATE_CONTACT)
    if facts.contact == Contact.UNSTAMPED:
        return Decision(DecisionOutcome.STAMP)
    return Decision(DecisionOutcome.FURTHER_ACCOUNT if facts.type == RequestType.FUSION else DecisionOutcome.NOTHING)


def _refusal(facts: Facts) -> DecisionReason | None:
    """Say why the submitter may not tie this existing user to a contact, if so (seed: rows one to three)."""
    if facts.submitter == Submitter.ADMINISTRATOR_WITH_PRIVILEGE:
        return None
    if facts.submitter not in _HIMSELF:
        return DecisionReason.NOT_THAT_USER
    if facts.contact != Contact.ABSENT and facts.user == User.OTHER_EMAIL:
        return DecisionReason.USER_OTHER_EMAIL
    return None
