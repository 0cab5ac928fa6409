import asyncio
from dataclasses import replace
from typing import Any

import pytest

from consumer_service.audit import service as audit
from consumer_service.audit.domain import SYSTEM
from consumer_service.checks import THIS_INSTANCE, Check, Finding, Subject
from consumer_service.context import Context
from consumer_service.directory import service as directory
from consumer_service.health import service
from consumer_service.health.checks import run_checks, validate, validate_due
from consumer_service.health.domain import CheckRegistry
from shared.wire.errors import Unavailable
from shared.wire.states import Role, Severity
from tests.consumer.instance.world import World, called

pytestmark = pytest.mark.anyio


class Probe:
    """A check whose findings the test decides."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.runs = 0

    async def run(self, context: Context, subject: Subject) -> list[Finding]:
        self.runs += 1
        return self.findings

    def finds(self, *items: str, severity: Severity | None = None) -> None:
        self.findings = [
            Finding(f"found {item}", "a cause", "a fix", item=item, severity=severity, watches=(f"thing:{item}",))
            for item in items
        ]


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def checks(probe: Probe) -> list[Check]:
    return [Check("probe.probe", "A probe", Severity.ERROR, "instance", probe.run, ("keys",))]


async def validated(world: World) -> dict[str, Any]:
    answer = await world.client.post("/api/v1/issues/validate", json={})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def patched(world: World, issue: str, change: dict[str, Any]) -> Any:
    etag = (await world.client.get(f"/api/v1/issues/{issue}")).headers["etag"]
    return await world.client.patch(f"/api/v1/issues/{issue}", json=change, headers={"if-match": etag})


async def test_a_finding_becomes_an_issue_and_a_recurring_one_updates_it(world: World, probe: Probe) -> None:
    probe.finds("a")
    first = await validated(world)
    assert first["blocked"] is True
    world.clock.pass_by(minutes=1)
    probe.findings = [replace(probe.findings[0], found="found it again")]
    (issue,) = (await validated(world))["issues"]
    assert (issue["id"], issue["count"], issue["found"]) == (first["issues"][0]["id"], 2, "found it again")
    assert issue["first_detected_at"] < issue["last_detected_at"]


async def test_an_issue_resolves_by_itself_and_opens_again_when_it_recurs(world: World, probe: Probe) -> None:
    probe.finds("a")
    (issue,) = (await validated(world))["issues"]
    probe.finds()
    assert (await validated(world)) == {
        "subject_type": "instance",
        "subject_id": "self",
        "issues": [],
        "blocked": False,
    }
    assert (await world.client.get(f"/api/v1/issues/{issue['id']}")).json()["state"] == "resolved"
    probe.finds("a")
    (again,) = (await validated(world))["issues"]
    assert (again["id"], again["state"], again["resolved_at"]) == (issue["id"], "open", None)
    trail = await world.database.read(audit.trail, filters={"subject_id": issue["id"]})
    assert [entry.action for entry in trail] == ["issue.reopened", "issue.resolved", "issue.opened"]


async def test_a_muted_error_is_hidden_and_blocks_all_the_same(world: World, probe: Probe) -> None:
    probe.finds("a")
    (issue,) = (await validated(world))["issues"]
    muted = (await patched(world, issue["id"], {"muted_reason": "known since spring"})).json()
    assert (muted["state"], muted["muted_reason"]) == ("muted", "known since spring")
    found = await validated(world)
    assert (found["blocked"], found["issues"][0]["state"]) == (True, "muted")
    assert len(await world.database.read(service.blocking, subject_type="instance", subject_id="self")) == 1
    assert (await world.client.get("/api/v1/issues?state=open")).json()["items"] == []
    shown = (await patched(world, issue["id"], {"muted_reason": None})).json()
    assert shown["state"] == "open"


async def test_a_warning_does_not_block(world: World, probe: Probe) -> None:
    probe.finds("a", severity=Severity.WARNING)
    found = await validated(world)
    assert (len(found["issues"]), found["blocked"]) == (1, False)
    assert await world.database.read(service.blocking, subject_type="instance", subject_id="self") == []


async def test_a_resolved_issue_cannot_be_muted_and_muting_needs_a_reason(world: World, probe: Probe) -> None:
    probe.finds("a")
    (issue,) = (await validated(world))["issues"]
    empty = await patched(world, issue["id"], {"muted_reason": ""})
    blank = await patched(world, issue["id"], {"muted_reason": "  "})
    assert (empty.status_code, blank.json()["code"]) == (422, "reason_missing")
    probe.finds()
    await validated(world)
    answer = await patched(world, issue["id"], {"muted_reason": "why not"})
    assert (answer.status_code, answer.json()["code"]) == (422, "issue_resolved")


async def test_an_issue_is_assigned_to_somebody_who_exists(world: World, probe: Probe) -> None:
    probe.finds("a")
    (issue,) = (await validated(world))["issues"]
    kim = await world.database.write(
        directory.add_user, email="kim@desk.example", name="Kim", actor=SYSTEM, now=world.clock()
    )
    assert (await patched(world, issue["id"], {"assigned_to": kim.id})).json()["assigned_to"] == kim.id
    listed = (await world.client.get("/api/v1/issues", params={"assigned_to": kim.id})).json()["items"]
    assert [found["id"] for found in listed] == [issue["id"]]
    nobody = await patched(world, issue["id"], {"assigned_to": "0192-nobody"})
    assert (nobody.status_code, nobody.json()["errors"][0]["pointer"]) == (422, "/assigned_to")
    assert (await patched(world, issue["id"], {"assigned_to": None})).json()["assigned_to"] is None


async def test_a_change_needs_the_version_it_starts_from(world: World, probe: Probe) -> None:
    probe.finds("a")
    (issue,) = (await validated(world))["issues"]
    path = f"/api/v1/issues/{issue['id']}"
    assert (await world.client.patch(path, json={"muted_reason": "x"})).status_code == 428
    stale = await world.client.patch(path, json={"muted_reason": "x"}, headers={"if-match": '"0"'})
    assert stale.status_code == 412


async def test_issues_are_listed_newest_first_page_by_page_and_by_severity(world: World, probe: Probe) -> None:
    probe.finds("a", "b", "c")
    probe.findings[1] = replace(probe.findings[1], severity=Severity.INFO)
    await validated(world)
    first = (await world.client.get("/api/v1/issues?limit=2")).json()
    rest = (await world.client.get("/api/v1/issues", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [issue["item"] for issue in first["items"] + rest["items"]] == ["c", "b", "a"]
    assert rest["next_cursor"] is None
    errors = (await world.client.get("/api/v1/issues?severity=error")).json()["items"]
    assert [issue["item"] for issue in errors] == ["c", "a"]
    unknown = await world.client.get("/api/v1/issues?severe=yes")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_parameter")


async def test_one_issue_is_validated_on_demand(world: World, probe: Probe) -> None:
    probe.finds("a")
    (issue,) = (await validated(world))["issues"]
    probe.finds()
    answer = await world.client.post(f"/api/v1/issues/{issue['id']}/validate")
    assert answer.json()["state"] == "resolved"


async def test_an_unknown_issue_is_not_found(world: World) -> None:
    assert (await world.client.get("/api/v1/issues/0192")).json()["code"] == "not_found"


async def test_readers_see_issues_and_change_nothing(world: World, probe: Probe) -> None:
    probe.finds("a")
    await validated(world)
    reader = called("x", Role.SN_SB_READ)
    assert (await world.client.get("/api/v1/issues", headers=reader)).status_code == 200
    assert (await world.client.post("/api/v1/issues/validate", json={}, headers=reader)).status_code == 403


async def test_the_catalogue_names_every_check(world: World) -> None:
    assert (await world.client.get("/api/v1/health-checks")).json()["items"] == [
        {
            "id": "probe.probe",
            "title": "A probe",
            "severity": "error",
            "scope": "instance",
            "watches": ["keys"],
        }
    ]


async def test_a_subject_is_due_again_after_a_minute_while_something_is_wrong_and_a_quarter_of_an_hour_otherwise(
    world: World, probe: Probe
) -> None:
    registry: CheckRegistry = world.app.state.checks
    probe.finds("a")
    await validate(world.context, registry, THIS_INSTANCE)
    assert await validate_due(world.context, registry) == []
    world.clock.pass_by(minutes=1)
    probe.finds()
    assert await validate_due(world.context, registry) == [THIS_INSTANCE]
    world.clock.pass_by(minutes=14)
    assert await validate_due(world.context, registry) == []
    world.clock.pass_by(minutes=1)
    assert await validate_due(world.context, registry) == [THIS_INSTANCE]
    assert probe.runs == 3


@pytest.mark.parametrize(("word", "expected"), [("keys", 1), ("thing:a", 1), ("thing", 0), ("thing:b", 0), ("%", 0)])
async def test_a_change_of_what_is_watched_makes_the_subject_due_at_once(
    world: World, probe: Probe, word: str, expected: int
) -> None:
    probe.finds("a")
    await validated(world)
    assert await world.database.write(service.touch, word) == expected
    assert len(await world.database.read(service.due_subjects, world.clock())) == expected
    assert await world.database.read(service.due_subjects, world.clock(), types=["registration"]) == []
    await validated(world)
    assert await world.database.read(service.due_subjects, world.clock()) == []


async def test_a_subject_that_has_ended_is_looked_at_no_more_and_its_issues_resolve(world: World, probe: Probe) -> None:
    probe.finds("a")
    thing = Subject("thing", "1")
    check = Check("thing.probe", "A probe", Severity.ERROR, "thing", probe.run)
    (issue,) = await validate(world.context, CheckRegistry([check]), thing)
    world.clock.pass_by(days=1)
    assert await world.database.read(service.due_subjects, world.clock(), types=["thing"]) == [thing]
    await world.database.write(service.drop_subject, subject_type="thing", subject_id="1", now=world.clock())
    assert await world.database.read(service.due_subjects, world.clock(), types=["thing"]) == []
    assert (await world.client.get(f"/api/v1/issues/{issue.id}")).json()["state"] == "resolved"


async def test_the_instance_itself_is_looked_at_without_anybody_asking(world: World, probe: Probe) -> None:
    probe.finds("a")
    assert await validate_due(world.context, world.app.state.checks) == [THIS_INSTANCE]
    assert await validate_due(world.context, world.app.state.checks) == []
    assert len((await world.client.get("/api/v1/issues")).json()["items"]) == 1


async def test_checks_run_side_by_side_and_one_that_hangs_or_crashes_is_a_finding(world: World) -> None:
    met = asyncio.Event()

    async def waits(context: Context, subject: Subject) -> list[Finding]:
        await met.wait()
        return []

    async def meets(context: Context, subject: Subject) -> list[Finding]:
        met.set()
        return []

    async def hangs(context: Context, subject: Subject) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def crashes(context: Context, subject: Subject) -> list[Finding]:
        raise ZeroDivisionError

    async def refuses(context: Context, subject: Subject) -> list[Finding]:
        raise Unavailable("No database", cause="It is down", fix="Start it")

    ways = (waits, meets, hangs, crashes, refuses)
    checks = [Check(way.__name__, way.__name__, Severity.ERROR, "instance", way) for way in ways]
    results = await run_checks(world.context, checks, THIS_INSTANCE, seconds=0.2)
    found = {result.check.id: [finding.item for finding in result.findings] for result in results}
    assert found == {"waits": [], "meets": [], "hangs": ["check"], "crashes": ["check"], "refuses": ["check"]}
    refused = results[-1].findings[0]
    assert (refused.cause, refused.fix) == ("It is down", "Start it")


async def test_runs_at_the_same_time_keep_one_issue_a_finding(world: World, probe: Probe) -> None:
    probe.finds("a", "b")
    await asyncio.gather(*(validated(world) for _ in range(5)))
    issues = (await world.client.get("/api/v1/issues")).json()["items"]
    assert sorted((issue["item"], issue["count"]) for issue in issues) == [("a", 5), ("b", 5)]


async def test_a_change_during_a_run_makes_the_subject_due_again(world: World, probe: Probe) -> None:
    async def changes(context: Context, subject: Subject) -> list[Finding]:
        await context.database.write(service.touch, "keys")
        return []

    check = Check("changes", "Changes", Severity.ERROR, "instance", changes, ("keys",))
    await validate(world.context, CheckRegistry([check]), THIS_INSTANCE)
    assert await world.database.read(service.due_subjects, world.clock()) == [THIS_INSTANCE]


async def test_a_check_that_was_not_run_keeps_its_issues(world: World, probe: Probe) -> None:
    probe.finds("a")
    await validated(world)
    await world.database.write(service.store_findings, subject=THIS_INSTANCE, results=[], now=world.clock())
    assert len(await world.database.read(service.blocking, subject_type="instance", subject_id="self")) == 1


def test_two_checks_of_one_id_are_refused() -> None:
    check = Check("a", "A", Severity.ERROR, "instance", Probe().run)
    with pytest.raises(ValueError, match="Two checks"):
        CheckRegistry([check, check])
