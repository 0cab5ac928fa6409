from collections import namedtuple

import pytest

from consumer_service.checks import THIS_INSTANCE
from consumer_service.instance import checks, service
from shared.wire.states import Severity
from tests.consumer.instance.world import World

pytestmark = pytest.mark.anyio

Usage = namedtuple("Usage", "total used free")


async def test_a_missing_record_is_found_and_a_present_one_is_not(world: World) -> None:
    assert len(await checks.record_exists(world.context, THIS_INSTANCE)) == 1
    await world.create_record()
    assert await checks.record_exists(world.context, THIS_INSTANCE) == []


async def test_a_worker_is_alive_for_a_minute_after_its_beat(world: World) -> None:
    assert len(await checks.worker_is_alive(world.context, THIS_INSTANCE)) == 1
    await world.database.write(service.beat, worker="w1", software=checks.SOFTWARE, now=world.clock())
    await world.database.write(service.beat, worker="w1", software=checks.SOFTWARE, now=world.clock())
    assert await checks.worker_is_alive(world.context, THIS_INSTANCE) == []
    world.clock.pass_by(seconds=61)
    assert len(await checks.worker_is_alive(world.context, THIS_INSTANCE)) == 1


async def test_a_worker_of_another_version_is_found(world: World) -> None:
    await world.database.write(service.beat, worker="w1", software="service-exchange/0.0.1", now=world.clock())
    findings = await checks.versions_agree(world.context, THIS_INSTANCE)
    assert [finding.item for finding in findings] == ["w1"]


async def test_an_address_other_than_the_records_is_found(world: World) -> None:
    await world.create_record()
    assert await checks.address_is_right(world.context, THIS_INSTANCE) == []
    for issuer in ("https://elsewhere.example", "https://DESK.example", "ftp://desk.example"):
        settings = world.context.settings.model_copy(update={"issuer": issuer})
        context = type(world.context)(settings, world.database, world.context.peers, world.clock, world.context.masters)
        assert len(await checks.address_is_right(context, THIS_INSTANCE)) == 1, issuer


async def test_a_filling_disk_is_a_warning_and_a_full_one_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free, expected in ((10 * 1024**3, []), (512 * 1024**2, [Severity.WARNING]), (1024, [Severity.ERROR])):
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda _path, free=free: Usage(free, 0, free))
        findings = await checks.disk_has_space(world.context, THIS_INSTANCE)
        assert [finding.severity for finding in findings] == expected


async def test_a_database_that_was_never_migrated_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "versions").mkdir()
    monkeypatch.setattr(checks, "MIGRATIONS", folder)
    assert await checks.database_is_migrated(world.context, THIS_INSTANCE) == []
    (folder / "versions" / "0001_first.py").write_text(
        'revision = "0001"\ndown_revision = None\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n'
    )
    assert len(await checks.database_is_migrated(world.context, THIS_INSTANCE)) == 1


def test_the_installed_libraries_are_those_required() -> None:
    assert checks._unmet() == []
