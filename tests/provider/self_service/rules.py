"""What is decided about a request, as rules written apart from the code, each citing the sentence it comes from.

A rule names, for some axes, the values it is for; a cell is one value of every axis. Two axes are not given but found:
``open`` (the door is open to this applicant) and ``match`` (whether the approval rules leave something to be done).
``SEED`` is seeds/self_service_registration_en.md, ``DESIGN`` is design/self_service.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

AXES: Final = {
    "moment": ["admission", "approval"],
    "submitter": [
        "anonymous",
        "administrator_with_privilege",
        "administrator_without_privilege",
        "authenticated_as_user",
        "authenticated_as_another",
        "relayed_by_enroller",
        "relayed_by_another",
    ],
    "type": ["fusion", "b2c"],
    "account": ["one", "unclear"],
    "contact": [
        "absent",
        "unstamped",
        "stamped_with_user",
        "stamped_with_another",
        "other_email",
        "several",
        "stamped_with_nobody",
        "elsewhere",
    ],
    "user": ["absent", "same_email", "other_email"],
    "allow": [True, False],
    "auto_approve": [True, False],
    "account_administrators": [True, False],
    "self_registration": ["None", "New Or Existing", "Existing Only"],
}
"""``contact`` stamped_with_nobody: with a GUID whose user is gone; elsewhere: none of the company
whose connection relays the request."""

Cell = dict[str, object]

IMPOSSIBLE: Final = [
    (
        {"submitter": ["authenticated_as_user", "relayed_by_enroller"], "user": ["absent"]},
        "Nobody is a user there is not",
    ),
    ({"contact": ["stamped_with_user"], "user": ["absent"]}, "A stamp of the user found takes a user that was found"),
    ({"type": ["b2c"], "account": ["unclear"]}, "B2C has no account"),
    (
        {"submitter": ["relayed_by_enroller", "relayed_by_another"], "type": ["b2c"]},
        "A connection relays requests for its own company",
    ),
    (
        {
            "submitter": [
                "anonymous",
                "administrator_with_privilege",
                "administrator_without_privilege",
                "authenticated_as_user",
                "authenticated_as_another",
            ],
            "contact": ["elsewhere"],
        },
        "Only a connection has a company of its own",
    ),
]

HIMSELF: Final = ["authenticated_as_user", "relayed_by_enroller"]
PRIVILEGED: Final = ["administrator_with_privilege"]
OTHERS: Final = ["anonymous", "administrator_without_privilege", "authenticated_as_another", "relayed_by_another"]
PRESENT: Final = ["same_email", "other_email"]


@dataclass(frozen=True)
class Rule:
    """For these values of these axes, this is decided."""

    when: dict[str, list[object]]
    outcome: str
    reason: str | None
    cites: str


def approval(outcome: str, reason: str | None, cites: str, **when: list[object]) -> Rule:
    return Rule({"moment": ["approval"]} | when, outcome, reason, cites)


def admission(outcome: str, reason: str | None, cites: str, **when: list[object]) -> Rule:
    return Rule({"moment": ["admission"]} | when, outcome, reason, cites)


ONE: Final[dict[str, list[object]]] = {"account": ["one"]}
_ROW_1 = "SEED: if the submitter is authenticated by IDCS, or holds the privilege: a contact is created and stamped"
_ROW_2 = "SEED: if the submitter is authenticated by IDCS and the user account's e-mail equals the request's"
_ROW_3 = "DESIGN: same condition; Fusion: grant the role for the further account; B2C: nothing more to do, say so"

APPROVAL: Final = [
    approval(
        "refer",
        "account_unclear",
        "DESIGN: Wrong or ambiguous AccountKey: the request goes to staff triage",
        account=["unclear"],
    ),
    approval(
        "refer",
        "contact_several",
        "DESIGN: several contacts: staff triage, nothing changed",
        contact=["several"],
        **ONE,
    ),
    approval(
        "refer",
        "contact_other_email",
        "SEED: The e-mail address of the contact found must equal that of the request",
        contact=["other_email"],
        **ONE,
    ),
    approval(
        "refer",
        "stamped_otherwise",
        "DESIGN: another user's | refuse; staff decide",
        contact=["stamped_with_another"],
        **ONE,
    ),
    approval(
        "refer",
        "stamp_without_user",
        "DESIGN: a GUID without its user: staff decide",
        contact=["stamped_with_nobody"],
        **ONE,
    ),
    approval(
        "refer",
        "contact_elsewhere",
        "DESIGN: A relayed submitter [...] acts only for its connection's own company",
        contact=["elsewhere"],
        **ONE,
    ),
    approval(
        "create_contact_and_user",
        None,
        "SEED: a contact record and a user account are created and the GUID stamped",
        contact=["absent"],
        user=["absent"],
        **ONE,
    ),
    approval(
        "create_user",
        None,
        "SEED: a user account is created and its GUID stamped on the contact",
        contact=["unstamped"],
        user=["absent"],
        **ONE,
    ),
    approval("create_contact", None, _ROW_1, contact=["absent"], user=PRESENT, submitter=HIMSELF + PRIVILEGED, **ONE),
    approval(
        "fail",
        "not_that_user",
        "DESIGN: else: approval fails with that reason, nothing changed",
        contact=["absent"],
        user=PRESENT,
        submitter=OTHERS,
        **ONE,
    ),
    approval("stamp", None, _ROW_2, contact=["unstamped"], user=["same_email"], submitter=HIMSELF, **ONE),
    approval(
        "stamp",
        None,
        "SEED: or the submitter holds the privilege: the user's GUID is stamped",
        contact=["unstamped"],
        user=PRESENT,
        submitter=PRIVILEGED,
        **ONE,
    ),
    approval(
        "fail",
        "user_other_email",
        _ROW_2,
        contact=["unstamped", "stamped_with_user"],
        user=["other_email"],
        submitter=HIMSELF,
        **ONE,
    ),
    approval(
        "fail",
        "not_that_user",
        "DESIGN: stamp, only if the submitter is authenticated as that user [...], or holds the privilege",
        contact=["unstamped", "stamped_with_user"],
        user=PRESENT,
        submitter=OTHERS,
        **ONE,
    ),
    approval(
        "further_account",
        None,
        "SEED: the user already has the role for one account and is granted one for another account",
        contact=["stamped_with_user"],
        user=["same_email"],
        submitter=HIMSELF,
        type=["fusion"],
        **ONE,
    ),
    approval(
        "further_account",
        None,
        _ROW_3,
        contact=["stamped_with_user"],
        user=PRESENT,
        submitter=PRIVILEGED,
        type=["fusion"],
        **ONE,
    ),
    approval(
        "nothing",
        None,
        _ROW_3,
        contact=["stamped_with_user"],
        user=["same_email"],
        submitter=HIMSELF,
        type=["b2c"],
        **ONE,
    ),
    approval(
        "nothing", None, _ROW_3, contact=["stamped_with_user"], user=PRESENT, submitter=PRIVILEGED, type=["b2c"], **ONE
    ),
]
"""On approval nothing but fresh data counts: a person's approval is not undone by an option."""

OPEN: Final[dict[str, list[object]]] = {"open": [True]}
GOES_ON: Final[dict[str, list[object]]] = {**OPEN, "allow": [True], "match": ["doable"]}

ADMISSION: Final = [
    admission(
        "refuse", "closed", "DESIGN: SVC_CSS_SELF_REGISTRATION None: who may register", self_registration=["None"]
    ),
    admission(
        "refuse",
        "no_contact",
        "DESIGN: Existing Only (reference: only people who already are contacts)",
        self_registration=["Existing Only"],
        contact=["absent"],
    ),
    admission(
        "hold",
        None,
        "DESIGN: FALSE means it stays ORA_CSS_PENDING until a holder [...] starts it",
        allow=[False],
        **OPEN,
    ),
    admission(
        "staff",
        "of the match",
        "DESIGN: staff triage, nothing changed; staff decide",
        allow=[True],
        match=["not doable"],
        **OPEN,
    ),
    admission(
        "proceed", None, "DESIGN: or through, when the AUTO_APPROVE of its type is TRUE", auto_approve=[True], **GOES_ON
    ),
    admission(
        "account_administrators",
        None,
        "DESIGN: account administrators may decide requests of their own account",
        auto_approve=[False],
        type=["fusion"],
        account_administrators=[True],
        **GOES_ON,
    ),
    admission(
        "staff",
        None,
        "DESIGN: SVC_CSS_ACCT_ADMIN_APPROVE (TRUE lets account administrators decide; FALSE leaves staff)",
        auto_approve=[False],
        type=["fusion"],
        account_administrators=[False],
        **GOES_ON,
    ),
    admission(
        "staff",
        None,
        "DESIGN: B2C, having no account: the Customer Self-Service Administrator duty role",
        auto_approve=[False],
        type=["b2c"],
        **GOES_ON,
    ),
]

RULES: Final = [*APPROVAL, *ADMISSION]


def cells() -> Iterator[Cell]:
    """Yield every cell there is, impossible ones too."""
    for values in product(*AXES.values()):
        yield dict(zip(AXES, values, strict=True))


def impossible(cell: Cell) -> bool:
    """Tell whether a cell is listed as impossible."""
    return any(_fits(cell, when) for when, _ in IMPOSSIBLE)


def rules_for(cell: Cell) -> list[Rule]:
    """Return every rule that is for a cell; of a right table, exactly one."""
    if cell["moment"] == "approval":
        return [rule for rule in APPROVAL if _fits(cell, rule.when)]
    seen = cell | {"open": _open(cell), "match": _match(cell)}
    return [rule for rule in ADMISSION if _fits(seen, rule.when)]


def expected(cell: Cell) -> tuple[str, str | None]:
    """Return what the one rule for a cell decides, and why."""
    (rule,) = rules_for(cell)
    if rule.reason != "of the match":
        return rule.outcome, rule.reason
    (matching,) = rules_for(cell | {"moment": "approval"})
    return rule.outcome, matching.reason


def _match(cell: Cell) -> str:
    found = rules_for(cell | {"moment": "approval"})
    return "not doable" if any(rule.outcome in {"refer", "fail"} for rule in found) else "doable"


def _open(cell: Cell) -> bool:
    wanted = cell["self_registration"]
    return wanted == "New Or Existing" or (wanted == "Existing Only" and cell["contact"] != "absent")


def _fits(cell: Cell, when: dict[str, list[object]]) -> bool:
    return all(cell[axis] in values for axis, values in when.items())
