"""What the tests of self-service registration do by hand what the worker does by turns."""

from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy.orm import Session

from provider_service import composition
from provider_service.context import Context
from provider_service.directory import deps
from provider_service.directory import service as directory
from provider_service.directory.domain import Person, operator
from provider_service.mail import service as mail
from provider_service.mail.domain import Handover
from provider_service.self_service import calls, service
from provider_service.self_service.domain import Draft, RequestRecord, Submission
from provider_service.self_service.service import Submitted
from shared.wire.self_service import SubmitterKind
from shared.wire.states import Role
from tests.provider.conftest import PASSWORD, House

VISITOR = Submission(SubmitterKind.ANONYMOUS, address="192.0.2.9")
ADA = {"EmailAddress": "ada@engines.example", "FirstName": "Ada", "LastName": "Lovelace", "AccountKey": "Engines"}


async def left_to_the_worker(context: Context, request_id: str) -> RequestRecord:
    """Stands for `calls.provision` where the process dies after the decision, or the worker is to go on."""
    return await context.database.read(service.standing, request_id)


@dataclass
class Letter:
    """A mail as it went out."""

    to: str
    subject: str
    text: str

    @property
    def secret(self) -> str:
        return self.text.partition("#token=")[2].split()[0]


class Town:
    """A house with one account, its staff, and a postbox."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.context = house.context

    async def set_up(self) -> "Town":
        self.admin = await self.house.client(Role.ADMIN)
        self.staff = await self.house.client(Role.SN_SB_ADMIN)
        await self.post()
        self.company = await self.make_company("Engines")
        return self

    async def make_company(self, name: str, **facts: Any) -> str:
        answer = await self.admin.post("/api/v1/companies", json={"name": name, **facts})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def option(self, code: str, value: str) -> None:
        path = f"/api/v1/options/{code}"
        tag = (await self.admin.get(path)).headers["etag"]
        answer = await self.admin.put(path, json={"value": value}, headers={"if-match": tag})
        assert answer.status_code == 200, answer.text

    async def sign_up(self, **changes: Any) -> Submitted:
        """Submit as a visitor."""
        return await calls.submit(self.context, Draft({**ADA, **changes}), VISITOR, proven=False)

    async def post(self) -> list[Letter]:
        """Do the worker's turns, and return the letters that went out."""
        await calls.screen_due(self.context)
        await calls.provision_due(self.context)
        await calls.tell_due(self.context)
        await calls.tend(self.context)
        desk = composition.mail_desk(self.context.settings, self.context.masters, "provider@example.com")
        letters = []
        with self.context.database.transaction() as session:
            for one in mail.claim_due(session, desk, now=self.house.clock(), limit=100):
                mail.settle(session, one.mail_id, Handover.DONE, now=self.house.clock())
                body = one.message.get_body(("plain",))
                assert body is not None
                letters.append(Letter(str(one.message["To"]), str(one.message["Subject"]), body.get_content()))
        return letters

    async def letter(self, to: str, about: str) -> Letter:
        """Return the one letter to somebody that is about something."""
        found = [one for one in await self.post() if one.to == to and about in one.subject]
        assert len(found) == 1, found
        return found[0]

    async def proven(self, **changes: Any) -> str:
        """Sign up as a visitor and prove the mailbox; return the request's id."""
        made = await self.sign_up(**changes)
        letter = await self.letter(made.request.email, "Confirm")
        await calls.prove(self.context, letter.secret)
        return made.request.id

    async def approved(self, **changes: Any) -> dict[str, Any]:
        """Sign up, prove and have it approved by staff; return the request."""
        answer = await self.staff.post(f"/api/v1/self-service/requests/{await self.proven(**changes)}/approve", json={})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        assert shown["state"] == "ORA_CSS_APPROVED", shown
        return shown

    async def signed_in(self, email: str) -> httpx.AsyncClient:
        """Set the password of a person and return a client of theirs."""
        with self.context.database.transaction() as session:
            person = self._with_password(session, email)
        return await self.house.client_of(person)

    def user(self, email: str) -> Person | None:
        with self.context.database.transaction() as session:
            return directory.find_user(session, email)

    def _with_password(self, session: Session, email: str) -> Person:
        person = directory.find_user(session, email)
        assert person is not None
        link = directory.show_password_link(
            session, person.id, issuer="", caller=operator("test"), now=self.house.clock()
        )
        prepared = deps.hasher_of(self.context).prepare(PASSWORD)
        secret = link.partition("#token=")[2]
        return directory.set_password(session, secret=secret, password=prepared, address="", now=self.house.clock())
