"""Health and metrics as an orchestrator sees them."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette

from shared.runtime.health import Health, metrics_route

pytestmark = pytest.mark.anyio


async def fine() -> None:
    return


async def broken() -> None:
    raise RuntimeError("canary")


async def get(app: Starlette, path: str, *, client: str = "127.0.0.1", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(client, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as caller:
        return await caller.get(path, headers=headers)


async def test_a_process_lives_even_while_it_is_not_ready() -> None:
    app = Starlette(routes=Health({"database": broken}).routes())
    assert (await get(app, "/health/live")).status_code == 200
    assert (await get(app, "/health/ready")).status_code == 503


async def test_readiness_waits_for_the_start_to_be_complete() -> None:
    health = Health({"database": fine})
    app = Starlette(routes=health.routes())
    assert (await get(app, "/health/started")).status_code == 503
    assert (await get(app, "/health/ready")).status_code == 503
    health.started = True
    assert (await get(app, "/health/started")).status_code == 200
    assert (await get(app, "/health/ready")).status_code == 200


async def test_each_check_is_named_with_its_verdict_and_nothing_of_its_error() -> None:
    health = Health({"database": fine})
    health.add("worker", broken)
    health.started = True
    answer = await get(Starlette(routes=health.routes()), "/health/ready")
    assert answer.json() == {
        "status": "failed",
        "checks": [
            {"name": "started", "status": "ok"},
            {"name": "database", "status": "ok"},
            {"name": "worker", "status": "failed"},
        ],
    }


async def test_metrics_answer_this_machine_only_unless_a_token_is_set() -> None:
    registry = CollectorRegistry()
    Counter("messages", "Messages applied", registry=registry).inc(3)
    app = Starlette(routes=[metrics_route(registry)])
    assert "messages_total 3.0" in (await get(app, "/metrics")).text
    assert (await get(app, "/metrics", client="10.0.0.7")).status_code == 404
    assert (await get(app, "/metrics", **{"x-forwarded-for": "127.0.0.1"})).status_code == 404


async def test_metrics_ask_for_the_token_where_one_is_set() -> None:
    app = Starlette(routes=[metrics_route(CollectorRegistry(), token="correct horse")])
    assert (await get(app, "/metrics", client="10.0.0.7", authorization="Bearer correct horse")).status_code == 200
    assert (await get(app, "/metrics", authorization="Bearer wrong")).status_code == 404
    assert (await get(app, "/metrics")).status_code == 404
