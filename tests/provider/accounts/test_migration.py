"""A database of the time when a contact was one user at one company becomes one of people and ties."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from provider_service.accounts import service
from provider_service.cli import MIGRATIONS, metadatas
from provider_service.registrations import service as registrations
from shared.runtime import migrations
from shared.runtime.database import Database

THEN = datetime(2026, 1, 1, tzinfo=UTC)
USERS = {"ada": "Ada@example.com", "bob": "bob@example.com"}
CONTACTS = [("c1", "one", "ada", True), ("c2", "two", "ada", False), ("c3", "one", "bob", True)]
"""Contact, company, user, and whether it was switched on."""


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    before = tmp_path / "before"
    (before / "versions").mkdir(parents=True)
    for found in (MIGRATIONS / "versions").glob("000[1-4]_*.py"):
        shutil.copy(found, before / "versions")
    made = Database(database_url)
    assert migrations.upgrade(made, before) == "0004"
    with made.maintenance() as connection:
        fill(connection)
    migrations.upgrade(made, MIGRATIONS)
    yield made
    made.close()


def put(connection: Connection, table: str, **values: object) -> None:
    columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    moments = {name: value for name, value in values.items() if isinstance(value, datetime)}
    plain = {name: value.replace(tzinfo=None) for name, value in moments.items()}
    shown = plain if connection.dialect.name == "sqlite" else moments
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({places})"), values | {
        name: str(value) if connection.dialect.name == "sqlite" else value for name, value in shown.items()
    })  # fmt: skip


def fill(connection: Connection) -> None:
    stamps = {"created_at": THEN, "updated_at": THEN, "version": 3}
    for name, email in USERS.items():
        put(connection, "users", id=name, email=email, email_key=email.lower(), name=name.title(), language="de",
            active=True, **stamps)  # fmt: skip
    for name in ("one", "two"):
        put(connection, "companies", id=name, name=name.title(), domains='["example.com"]', active=True, **stamps)
    for contact, company, user, active in CONTACTS:
        put(connection, "contacts", id=contact, company_id=company, user_id=user, active=active, **stamps)
    for serial, (contact, company, _, _) in enumerate(CONTACTS, 1):
        put(connection, "registrations", serial=serial, number=f"REG000000{serial}", version=1, company_id=company,
            contact_id=contact, consumer_url=f"https://desk{serial}.example", environment="", state="Open", reason="",
            opened_by="x", opened_at=THEN, updated_at=THEN, token_hours=72)  # fmt: skip


def test_each_person_has_one_record_and_keeps_its_companies(database: Database) -> None:
    with database.transaction() as session:
        people = service.list_contacts(session)
        assert [(one.id, one.user_id, one.email, one.name, one.language) for one in people] == [
            ("c1", "ada", "Ada@example.com", "Ada", "de"),
            ("c3", "bob", "bob@example.com", "Bob", "de"),
        ]
        assert [one.id for one in service.list_contacts(session, email="ADA@example.com")] == ["c1"]
        ties = {
            company: [(one.id, one.enabled, one.version) for one in service.list_company_contacts(session, company)]
            for company in ("one", "two")
        }
        assert ties == {"one": [("c1", True, 3), ("c3", True, 3)], "two": [("c1", False, 3)]}


def test_an_id_that_was_handed_out_leads_to_the_person(database: Database) -> None:
    with database.transaction() as session:
        assert service.get_contact(session, "c2").merged_into == "c1"
        assert service.get_company_contact(session, "two", "c2").user_id == "ada"


def test_registrations_keep_their_people(database: Database) -> None:
    with database.transaction() as session:
        tasks = [registrations.get(session, f"REG000000{serial}") for serial in (1, 2, 3)]
        assert [(task.company_id, task.contact_id) for task in tasks] == [("one", "c1"), ("two", "c1"), ("one", "c3")]
        assert registrations.view(session, tasks[1], THEN).contact == "Ada"


def test_companies_have_no_attributes_yet_and_an_open_key(database: Database) -> None:
    with database.transaction() as session:
        company = service.get_company(session, "one")
        assert (company.domains, company.verified_domains) == (("example.com",), ())
        assert (company.attributes, company.key_secret) == ({}, False)


def test_what_was_migrated_equals_the_models(database: Database) -> None:
    assert migrations.differences(database, metadatas()) == []
