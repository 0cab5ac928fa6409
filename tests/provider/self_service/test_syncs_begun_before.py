"""What was being carried out when this version came is told to the directory too."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Connection, DateTime, Integer, MetaData, Table

from provider_service.cli import MIGRATIONS
from provider_service.self_service import service
from shared.runtime import migrations
from shared.runtime.database import Database

THEN = datetime(2026, 1, 1, tzinfo=UTC)
ROLE = "ORA_SVC_CUSTOMER_SELF_SERVICE_USER_ABSTRACT"


def put(connection: Connection, table: str, **values: Any) -> None:
    """Insert a row of an earlier schema; what has to be there and is not given is of no matter."""
    found = Table(table, MetaData(), autoload_with=connection)
    plain = {Boolean: False, Integer: 1, DateTime: THEN.replace(tzinfo=None)}
    needed = [
        one for one in found.columns if not one.nullable and one.name not in values and one.server_default is None
    ]
    filler = {one.name: next((v for t, v in plain.items() if isinstance(one.type, t)), "[]") for one in needed}
    connection.execute(found.insert().values({**filler, **values}))


@pytest.mark.parametrize(("state", "awaits", "owed"), [
    ("ORA_CSS_FAILED", None, True), ("ORA_CSS_PENDING", "provisioning", True), ("ORA_CSS_APPROVED", None, False),
])  # fmt: skip
def test_groups_of_requests_under_way_are_owed(
    database_url: str, tmp_path: Path, state: str, awaits: str | None, owed: bool
) -> None:
    before = tmp_path / "before"
    (before / "versions").mkdir(parents=True)
    for found in (MIGRATIONS / "versions").glob("00*.py"):
        if found.name < "0016":
            shutil.copy(found, before / "versions")
    database = Database(database_url)
    try:
        assert migrations.upgrade(database, before) == "0015"
        with database.maintenance() as connection:
            put(connection, "contacts", id="contact", user_id="guid")
            put(connection, "self_service_requests", id="request", contact_id="contact", state=state, awaits=awaits)
            put(connection, "self_service_roles", id="role", contact_id="contact", role=ROLE)
        migrations.upgrade(database, MIGRATIONS)
        with database.transaction() as session:
            found_ids = service.owed_by_now(session, datetime(2026, 2, 1, tzinfo=UTC), 10)
            claimed = [service.claim(session, one, now=THEN) for one in found_ids]
            assert [(one.user_id, one.role, one.granted) for one in claimed if one] == [("guid", ROLE, True)] * owed
    finally:
        database.close()
