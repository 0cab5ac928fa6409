"""The decision table through the real lookups: every combination of what can be found, on both databases."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, product
from typing import Any

import pytest
from sqlalchemy.orm import Session

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyFacts, ContactFacts
from provider_service.audit.domain import SYSTEM
from provider_service.context import Context
from provider_service.directory import service as directory
from provider_service.identity.calls.embedded import find_login
from provider_service.options import service as options
from provider_service.self_service.domain import Draft, Moment, Submission
from provider_service.self_service.service.matching import match
from provider_service.self_service.service.submitting import prepare
from provider_service.self_service.tables import SelfServiceRequest
from shared.wire.self_service import SubmitterKind
from shared.wire.states import Role
from tests.provider.self_service.rules import AXES, Cell, expected, impossible

FOUND = ("submitter", "type", "account", "contact", "user")
SETTINGS = ("allow", "auto_approve", "account_administrators", "self_registration")
EMAIL, MOBILE, LOGIN = "ada@engines.example", "+44 1815", "ada"


def cells() -> Iterator[Cell]:
    """Every combination of what is found, each at both moments, the settings in turn."""
    settings = cycle(product(*(AXES[axis] for axis in SETTINGS)))
    for values in product(*(AXES[axis] for axis in FOUND)):
        cell = dict(zip(FOUND, values, strict=True))
        for moment in AXES["moment"]:
            made: Cell = {"moment": moment, **cell, **dict(zip(SETTINGS, next(settings), strict=True))}
            if not impossible(made):
                yield made


class _RollBack(Exception):
    """Ends a transaction that only looked."""


class Scene:
    """One cell, put into an empty database within a transaction."""

    def __init__(self, session: Session, context: Context, cell: Cell) -> None:
        self.session, self.cell, self.now = session, cell, context.clock()

    def decided(self) -> tuple[str, str | None]:
        self._set_options()
        company = self._company()
        user = self._user()
        self._contact(user, company)
        row = self._request(user, company)
        found = match(self.session, row, Moment(str(self.cell["moment"])), find_login(self.session, LOGIN))
        decision = found.decision
        return str(decision.outcome), None if decision.reason is None else str(decision.reason)

    def _set_options(self) -> None:
        cell = self.cell
        b2c = cell["type"] == "b2c"
        wanted = {
            "SVC_CSS_ALLOW_CONSUMER" if b2c else "SVC_CSS_ALLOW_CONTACT": cell["allow"],
            "ORA_SVC_CSS_SELF_REG_B2C_AUTO_APPROVE" if b2c else "SVC_CSS_SELF_REG_AUTO_APPROVE": cell["auto_approve"],
            "SVC_CSS_ACCT_ADMIN_APPROVE": cell["account_administrators"],
            "SVC_CSS_SELF_REGISTRATION": cell["self_registration"],
        }
        if cell["contact"] == "other_email":
            wanted["SVC_CSS_REG_FLD_CONTACT"] = "RawMobileNumber"
        for code, value in wanted.items():
            text = str(value).upper() if isinstance(value, bool) else str(value)
            options.set_option(self.session, code, change=lambda _, text=text: text, actor=SYSTEM, now=self.now)

    def _company(self) -> str:
        return accounts.create_company(self.session, CompanyFacts(name="Engines"), actor=SYSTEM, now=self.now).id

    def _person(self, email: str, login: str | None = None, *roles: Role) -> str:
        return directory.add_user(
            self.session, email=email, name="N", login=login, roles=frozenset(roles), actor=SYSTEM, now=self.now
        ).id

    def _user(self) -> str | None:
        if self.cell["user"] == "absent":
            return None
        return self._person(EMAIL if self.cell["user"] == "same_email" else "other@engines.example", LOGIN)

    def _contact(self, user: str | None, company: str) -> None:
        kind = self.cell["contact"]
        if kind == "absent":
            return
        email = "another@engines.example" if kind == "other_email" else EMAIL
        for _ in range(2 if kind == "several" else 1):
            facts = ContactFacts(email=email, mobile_phone=MOBILE)
            made = accounts.create_contact(self.session, facts, actor=SYSTEM, now=self.now)
            if str(self.cell["submitter"]).startswith("relayed") and kind != "elsewhere":
                accounts.link_contact(self.session, company, made.id, actor=SYSTEM, now=self.now)
        stamps = {
            "stamped_with_user": lambda: user,
            "stamped_with_another": lambda: self._person("third@engines.example"),
            "stamped_with_nobody": lambda: "gone",
        }
        stamp = stamps[str(kind)]() if kind in stamps else None
        if stamp is not None:
            accounts.stamp_contact(self.session, made.id, stamp, actor=SYSTEM, now=self.now)

    def _request(self, user: str | None, company: str) -> SelfServiceRequest:
        cell = self.cell
        attributes: dict[str, Any] = {"EmailAddress": EMAIL, "LoginId": LOGIN, "RawMobileNumber": MOBILE}
        if cell["type"] == "b2c":
            attributes["RequestTypeCd"] = "ORA_CSS_REQ_TYPE_CONSUMER"
        else:
            attributes["AccountKey"] = "Engines" if cell["account"] == "one" else "Enginez"
        row = prepare(self.session, Draft(attributes), self._submission(user, company), now=self.now)
        self.session.add(row)
        self.session.flush()
        return row

    def _submission(self, user: str | None, company: str) -> Submission:
        kind = str(self.cell["submitter"])
        if kind == "anonymous":
            return Submission(SubmitterKind.ANONYMOUS)
        if kind.startswith("administrator"):
            role = Role.ADMIN if kind == "administrator_with_privilege" else Role.SN_SB_ADMIN
            return Submission(SubmitterKind.ADMINISTRATOR, user_id=self._person("staff@hub.example", None, role))
        if kind.startswith("authenticated"):
            himself = user if kind == "authenticated_as_user" else self._person("fourth@engines.example")
            return Submission(SubmitterKind.AUTHENTICATED, user_id=himself)
        if kind == "relayed_by_enroller":
            self._enrolled(user, company)
        return Submission(SubmitterKind.RELAYED, connection_id="connection", subject="subject")

    def _enrolled(self, user: str | None, company: str) -> None:
        """An earlier request of this connection for this subject made this very user."""
        by = Submission(SubmitterKind.RELAYED, connection_id="connection", subject="subject")
        draft = Draft({"EmailAddress": EMAIL, "AccountKey": "Engines"})
        row = prepare(self.session, draft, by, now=self.now)
        row.state, row.user_id, row.user_reference, row.company_id = "ORA_CSS_APPROVED", user, user, company
        self.session.add(row)
        self.session.flush()


@pytest.mark.anyio
async def test_the_real_lookups_decide_as_the_rules_say(context: Context) -> None:
    wrong = []
    tried = 0
    for cell in cells():
        with suppress(_RollBack), context.database.transaction() as session:
            made = Scene(session, context, cell).decided()
            raise _RollBack
        tried += 1
        if made != expected(cell):
            wrong.append((cell, made, expected(cell)))
    assert wrong[:3] == []
    assert tried > 700
