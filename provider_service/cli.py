"""The operator's command line: serve, worker, migrate, doctor, backup, restore, users, keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import MetaData
from starlette.types import ASGIApp

from provider_service.settings import Settings
from shared.runtime.command import Program, make_cli, run

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def metadatas() -> Sequence[MetaData]:
    """Return every table of this service: its own, and delivery's."""
    from provider_service import app  # noqa: F401, PLC0415  # importing it imports every slice's tables
    from provider_service.base import Base  # noqa: PLC0415
    from shared.delivery.tables import delivery_metadata  # noqa: PLC0415

    return (Base.metadata, delivery_metadata)


def _make_app(settings: Any) -> ASGIApp:
    from provider_service.app import create_app  # noqa: PLC0415  # --help stays quick

    return create_app(settings)


async def _run_worker(settings: Any, stop: Any) -> None:
    from provider_service.worker import run_worker  # noqa: PLC0415  # --help stays quick

    await run_worker(settings, stop)


cli = make_cli(
    Program(
        name="provider",
        settings_class=Settings,
        migrations=MIGRATIONS,
        metadatas=metadatas,
        make_app=_make_app,
        run_worker=_run_worker,
    )
)


def main() -> None:
    """Run the command line."""
    run(cli)
