"""The operator's command line: serve, worker, migrate, doctor, backup, restore, users, keys, instance, setup-token.

It works beside a running server. Whoever runs it has the machine, so it may everything; the audit trail names the
account it ran under. Identity providers have their commands in `identity_cli`.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text
from rich.tree import Tree
from sqlalchemy import MetaData
from sqlalchemy.orm import Session
from starlette.types import ASGIApp

from consumer_service import identity_cli
from consumer_service.directory import service as directory
from consumer_service.directory.domain import Caller, Person, UserChanges, operator
from consumer_service.instance import service as instance
from consumer_service.instance.domain import Instance
from consumer_service.keys import service as keys
from consumer_service.keys.domain import Colour, HealthNode
from consumer_service.settings import Settings
from shared.runtime import migrations
from shared.runtime.command import Program, make_cli, opened, run
from shared.runtime.database import Database
from shared.runtime.doctor import Finding
from shared.runtime.master_keys import open_masters
from shared.runtime.settings import load
from shared.signing.envelopes import MasterKeys
from shared.wire.errors import NotFound
from shared.wire.states import KeyPurpose, Role

NAME: Final = "consumer"
MIGRATIONS: Final = Path(__file__).parent / "migrations"

_STYLES: Final = {Colour.GREEN: "green", Colour.GREY: "dim", Colour.YELLOW: "yellow", Colour.RED: "bold red"}

console = Console(highlight=False, markup=False, emoji=False)

Email = Annotated[str, typer.Argument(help="Mail address of the person")]
Kid = Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it")]
# Ids are base64url, so that one in 64 begins with a hyphen: no option, whatever it looks like.
TAKES_KID: Final = {"ignore_unknown_options": True}
Reason = Annotated[str, typer.Option("--reason", prompt=True, help="Why; kept in the audit trail")]


class Declaration(StrEnum):
    """What this database is, when it is not where it was."""

    COPY = "copy"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with: one transaction, committed at its end."""

    settings: Settings
    session: Session
    masters: MasterKeys
    caller: Caller
    now: datetime


def metadatas() -> Sequence[MetaData]:
    """Return every table of this service: its own, and delivery's."""
    from consumer_service import app  # noqa: F401, PLC0415  # importing it imports every slice's tables
    from consumer_service.base import Base  # noqa: PLC0415
    from shared.delivery.tables import delivery_metadata  # noqa: PLC0415

    return (Base.metadata, delivery_metadata)


def _make_app(settings: Any) -> ASGIApp:
    from consumer_service.app import create_app  # noqa: PLC0415  # --help stays quick

    return create_app(settings)


def _make_worker(settings: Any) -> Callable[[asyncio.Event], Awaitable[None]]:
    from consumer_service.worker import run_worker  # noqa: PLC0415  # --help stays quick

    return partial(run_worker, settings)


async def _checks(settings: Any, database: Database) -> list[Finding]:
    """Look at the record and the keys, as the Health Dashboard does."""
    masters = open_masters(settings, identity=True, required=False)

    def look(session: Session) -> list[Finding]:
        standing = instance.state(session, settings.data_dir)
        fix = f"Say what it is: {NAME} instance declare copy, or restored" if standing.muted else ""
        record = Finding("Instance", passed=not standing.muted, found=standing, fix=fix)
        if instance.get(session) is None:
            return [record]
        leaves = keys.health(session, masters, now=datetime.now(UTC)).leaves()
        return [record, *(_finding(leaf) for leaf in leaves if leaf.colour is not Colour.GREY)]

    return await database.read(look)


def _finding(leaf: HealthNode) -> Finding:
    return Finding(f"Keys: {leaf.title}", passed=leaf.colour is not Colour.RED, found=leaf.found, fix=leaf.fix)


@contextmanager
def desk(*, publishes: bool = False) -> Iterator[Desk]:
    """Open the database for one command; refused while its schema is not this version's.

    ``publishes``: the command needs the identity key, and so its master key.
    """
    settings = load(Settings)
    with opened(settings) as database:
        migrations.require_head(database, MIGRATIONS, program=NAME)
        with database.transaction() as session:
            masters = open_masters(settings, identity=True, required=publishes)
            yield Desk(settings, session, masters, operator(getpass.getuser()), datetime.now(UTC))


cli = make_cli(
    Program(
        name=NAME,
        settings_class=Settings,
        migrations=MIGRATIONS,
        metadatas=metadatas,
        make_app=_make_app,
        make_worker=_make_worker,
        checks=_checks,
    )
)
users = typer.Typer(no_args_is_help=True, help="People who sign in, and what they may do.")
key_ring = typer.Typer(no_args_is_help=True, help="The keys of this instance.")
record = typer.Typer(no_args_is_help=True, help="Who this instance is.")
cli.add_typer(users, name="users")
cli.add_typer(key_ring, name="keys")
cli.add_typer(record, name="instance")
cli.add_typer(identity_cli.commands(desk), name="identity-providers")


@cli.command("setup-token")
def setup_token() -> None:
    """Print the link that makes the first administrator; it works once, for 30 minutes."""
    with desk() as here:
        token = directory.issue_setup_token(here.session, now=here.now)
        issuer = here.settings.issuer
    console.print(f"{issuer}/setup#token={token}", soft_wrap=True)


@users.command("list")
def list_users() -> None:
    """List everybody, in the order they were made."""
    with desk() as here:
        people = _everybody(here.session)
    table = Table(Column("Mail address", overflow="fold"), "Name", "Roles", "Active", "Last sign-in", box=None)
    for person in people:
        seen = person.last_sign_in_at.isoformat(timespec="minutes") if person.last_sign_in_at else "never"
        table.add_row(person.email, person.name, ", ".join(sorted(person.roles)), _word(yes=person.active), seen)
    console.print(table)


@users.command("create")
def create_user(
    email: Email,
    name: Annotated[str, typer.Argument(help="Name, as others see it")],
    roles: Annotated[list[Role] | None, typer.Option("--role", help="Role to hold; may be given often")] = None,
    language: Annotated[str, typer.Option(help="en, de or ja")] = "en",
) -> None:
    """Make a person and print the link by which they choose a password."""
    with desk() as here:
        person = directory.create_user(
            here.session,
            email=email,
            name=name,
            language=language,
            roles=frozenset(roles or ()),
            caller=here.caller,
            now=here.now,
        )
        link = _password_link(here, person)
    console.print(f"Made {person.email}. To choose a password, open (works once):")
    console.print(link, soft_wrap=True)


@users.command("roles")
def set_roles(
    email: Email, roles: Annotated[list[Role] | None, typer.Argument(help="Every role to hold")] = None
) -> None:
    """Let a person hold exactly these roles; none takes all away."""
    with desk() as here:
        found = _person(here, email)
        wanted = frozenset(roles or ())
        directory.set_roles(here.session, found.id, change=lambda _: wanted, caller=here.caller, now=here.now)
    console.print(f"{found.email} holds: {', '.join(sorted(wanted)) or 'no role'}")


@users.command("password-link")
def password_link(email: Email) -> None:
    """Print a link by which a person sets a new password; it works once."""
    with desk() as here:
        link = _password_link(here, _person(here, email))
    console.print(link, soft_wrap=True)


@users.command("deactivate")
def deactivate_user(email: Email) -> None:
    """Shut a person out: sessions and tokens end at once."""
    with desk() as here:
        found = _person(here, email)

        def shut_out(person: Person) -> UserChanges:
            return UserChanges(person.email, person.name, person.language, active=False)

        directory.update_user(here.session, found.id, change=shut_out, caller=here.caller, now=here.now)
    console.print(f"{found.email} can no longer sign in.")


@key_ring.command("list")
def list_keys() -> None:
    """List every key there ever was, the oldest first."""
    with desk() as here:
        found = keys.list_keys(here.session)
    table = Table(Column("Key", min_width=43), "Purpose", "State", "Algorithm", "Made", box=None)
    for key in found:
        table.add_row(key.kid, key.purpose, key.state, key.algorithm, key.created_at.isoformat(timespec="minutes"))
    console.print(table)


@key_ring.command("health")
def key_health() -> None:
    """Show how key management does, each part tried."""
    with desk() as here:
        diagnosis = keys.health(here.session, here.masters, now=here.now)
    console.print(_branch(diagnosis, None))


@key_ring.command("rotate")
def rotate_key(purpose: Annotated[KeyPurpose, typer.Argument(help="What the key is for")]) -> None:
    """Publish the next key of a purpose; it signs as soon as every connection's peer knows it."""
    made = _with_hooks(lambda here, told: keys.rotate(here.session, here.masters, purpose, **told))
    console.print(f"{made.kid} is {made.state}.")


@key_ring.command("activate", context_settings=TAKES_KID)
def activate_key(
    kid: Kid, *, insist: Annotated[bool, typer.Option("--insist", help="Although peers do not know it yet")] = False
) -> None:
    """Let a published key sign now."""
    made = _with_hooks(lambda here, told: keys.activate(here.session, here.masters, kid, insist=insist, **told))
    console.print(f"{made.kid} is {made.state}.")


@key_ring.command("compromise", context_settings=TAKES_KID)
def compromise_key(kid: Kid, reason: Reason) -> None:
    """Give up a key somebody else may have: it is worthless at once. A lost identity suspends every connection."""
    result = _with_hooks(lambda here, told: keys.compromise(here.session, here.masters, kid, reason=reason, **told))
    console.print(f"{kid} is worthless from now on.")
    if result.successor is not None:
        console.print(f"{result.successor.kid} has taken over.")
    if result.connections_suspended:
        console.print("Every connection is suspended until it is re-keyed by a new invitation.")


@key_ring.command("rekey")
def rekey_identity(reason: Reason) -> None:
    """Replace the identity; every connection is suspended until it is re-keyed by a new invitation."""
    made = _with_hooks(lambda here, told: keys.rekey(here.session, here.masters, reason=reason, **told))
    console.print(f"The identity is {made.kid}. Every connection is suspended until it is re-keyed.")


@key_ring.command("rewrap")
def rewrap_keys() -> None:
    """Seal everything under the present master keys, so that earlier ones can be dropped; while it runs."""
    from consumer_service import composition  # noqa: PLC0415  # --help stays quick

    settings = load(Settings)
    masters = open_masters(settings, identity=True)
    with opened(settings) as database:
        migrations.require_head(database, MIGRATIONS, program=NAME)
        done = asyncio.run(composition.rewrap(database, masters, actor=operator(getpass.getuser()).actor))
    for line in done.told(next(iter(masters))):
        console.print(line)


@record.command("show")
def show_instance() -> None:
    """Show the record, and whether this database is where it belongs."""
    with desk() as here:
        found = instance.require(here.session)
        standing = instance.state(here.session, here.settings.data_dir)
    table = Table(show_header=False, box=None)
    for name in ("name", "issuer", "instance_id", "instance_type", "epoch", "sender_address", "support_contact"):
        table.add_row(name.replace("_", " "), str(getattr(found, name)))
    table.add_row("standing", standing)
    console.print(table)


@record.command("declare")
def declare_instance(decision: Annotated[Declaration, typer.Argument(help="What this database is")]) -> None:
    """Say that this database is a copy, or was restored from a backup; it is muted until then."""
    from consumer_service import composition  # noqa: PLC0415  # --help stays quick

    declare = instance.declare_copy if decision is Declaration.COPY else instance.declare_restored
    with desk(publishes=True) as here:
        hooks = composition.instance_hooks(here.masters)
        found: Instance = declare(here.session, actor=here.caller.actor, hooks=hooks, now=here.now)
    instance.mark(found, here.settings.data_dir)
    console.print(f"This is {found.name}, instance {found.instance_id}, epoch {found.epoch}.")


def _with_hooks(work: Callable[[Desk, dict[str, Any]], Any]) -> Any:
    """Change keys with everything that follows from it, in one transaction."""
    from consumer_service import composition  # noqa: PLC0415  # --help stays quick

    with desk(publishes=True) as here:
        return work(here, {"actor": here.caller.actor, "hooks": composition.key_hooks(), "now": here.now})


def _everybody(session: Session) -> list[Person]:
    found: list[Person] = []
    while page := directory.list_users(session, after=found[-1].id if found else None, limit=200):
        found += page
    return found


def _person(here: Desk, email: str) -> Person:
    found = directory.find_user(here.session, email)
    if found is None:
        raise NotFound("Nobody here has this mail address", fix=f"List people: {NAME} users list")
    return found


def _password_link(here: Desk, person: Person) -> str:
    return directory.show_password_link(
        here.session, person.id, issuer=here.settings.issuer, caller=here.caller, now=here.now
    )


def _branch(node: HealthNode, above: Tree | None) -> Tree:
    told = ". ".join(part for part in (node.found, node.cause, node.fix) if part)
    line = Text.assemble((node.colour, _STYLES[node.colour]), f" {node.title}", f": {told}" if told else "")
    here = Tree(line) if above is None else above.add(line)
    for child in node.children:
        _branch(child, here)
    return here


def _word(*, yes: bool) -> str:
    return "yes" if yes else "no"


def main() -> None:
    """Run the command line."""
    run(cli)
