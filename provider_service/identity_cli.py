"""The operator's commands for identity providers and the accounts linked to people."""

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.orm import Session

from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, Person
from provider_service.keys.service import Masters
from provider_service.oidc import service
from provider_service.oidc.domain import Provider, ProviderFacts
from provider_service.oidc.schemas import IdentityCreate, IdentityProviderCreate
from shared.transport.problems import validated
from shared.wire.errors import NotFound

Email = Annotated[str, typer.Argument(help="Mail address of the person")]
Slug = Annotated[str, typer.Argument(help="Short name of the identity provider, as `list` shows it")]

console = Console(highlight=False, markup=False, emoji=False)


class Desk(Protocol):
    """What a command works with: one transaction, committed at its end."""

    @property
    def session(self) -> Session:
        """Return the transaction."""

    @property
    def masters(self) -> Masters:
        """Return what secrets are sealed under."""

    @property
    def caller(self) -> Caller:
        """Return who runs the command."""

    @property
    def now(self) -> datetime:
        """Return the instant it runs at."""


Opened = Callable[[], contextlib.AbstractContextManager[Any]]


def commands(desk: Opened) -> typer.Typer:
    """Return the commands, which open the database by ``desk``."""
    group = typer.Typer(no_args_is_help=True, help="Whose word about people counts here (OpenID Connect).")
    _of_providers(group, desk)
    _of_links(group, desk)
    return group


def _of_providers(group: typer.Typer, desk: Opened) -> None:
    @group.command("list")
    def list_providers() -> None:
        """List identity providers, in the order they were made."""
        with desk() as here:
            found = service.list_providers(here.session, limit=200)
        table = Table("Short name", "Name", Column("Issuer", overflow="fold"), "Creates users", "Active", box=None)
        for one in found:
            table.add_row(one.slug, one.name, one.issuer, _word(yes=one.may_create_users), _word(yes=one.active))
        console.print(table)

    @group.command("create")
    def create_provider(
        slug: Annotated[str, typer.Argument(help="Short name: part of the redirect address, never changes")],
        issuer: Annotated[str, typer.Argument(help="As its discovery document names it")],
        client_id: Annotated[str, typer.Argument(help="What the identity provider knows this instance as")],
        name: Annotated[str, typer.Option(help="On the button of the sign-in page; the short name if left out")] = "",
        client_secret: Annotated[
            str, typer.Option(prompt=True, hide_input=True, prompt_required=True, help="Empty for a public client")
        ] = "",
    ) -> None:
        """Let people sign in by an identity provider, once they are linked."""
        given = {"slug": slug, "issuer": issuer, "client_id": client_id, "name": name or slug}
        wanted = validated(IdentityProviderCreate, given | {"client_secret": client_secret or None})
        with desk() as here:
            made = service.create_provider(
                here.session,
                wanted.facts(),
                slug=wanted.slug,
                issuer=wanted.issuer,
                secret=wanted.client_secret,
                masters=here.masters,
                actor=here.caller.actor,
                now=here.now,
            )
        console.print(f"Made {made.slug}. Link people to their accounts there: identity-providers link")

    @group.command("activate")
    def activate(slug: Slug) -> None:
        """Let people sign in by it again."""
        _switch(desk, slug, active=True)
        console.print(f"People sign in by {slug}.")

    @group.command("deactivate")
    def deactivate(slug: Slug) -> None:
        """Let nobody sign in by it: what began by its word ends at once."""
        _switch(desk, slug, active=False)
        console.print(f"Nobody signs in by {slug} any more.")


def _of_links(group: typer.Typer, desk: Opened) -> None:
    @group.command("linked")
    def list_identities(email: Email) -> None:
        """List the accounts that are linked to a person."""
        with desk() as here:
            found = service.list_identities(here.session, _person(here, email).id)
        table = Table(Column("Id", min_width=36), "Provider", Column("Subject", overflow="fold"), "Works", box=None)
        for one in found:
            table.add_row(one.id, one.provider_name, one.subject, _word(yes=one.usable))
        console.print(table)

    @group.command("link")
    def link(
        email: Email, slug: Slug, subject: Annotated[str, typer.Argument(help="What it calls the person in sub")]
    ) -> None:
        """Link an account at an identity provider to a person."""
        with desk() as here:
            person, provider = _person(here, email), _provider(here, slug)
            wanted = validated(IdentityCreate, {"provider_id": provider.id, "subject": subject})
            service.link_as_administrator(
                here.session,
                person.id,
                provider_id=wanted.provider_id,
                subject=wanted.subject,
                caller=here.caller,
                now=here.now,
            )
        console.print(f"{person.email} can sign in by {provider.name}.")

    @group.command("unlink")
    def unlink(
        email: Email, identity_id: Annotated[str, typer.Argument(help="Id of the link, as `linked` shows it")]
    ) -> None:
        """End a link: what began by it ends at once."""
        with desk() as here:
            person = _person(here, email)
            service.unlink(here.session, person.id, identity_id, caller=here.caller, now=here.now)
        console.print(f"{person.email} is not linked to that account any more.")


def _switch(desk: Opened, slug: str, *, active: bool) -> None:
    def change(found: Provider) -> tuple[ProviderFacts, str | None]:
        facts = ProviderFacts(
            found.name,
            found.client_id,
            found.scopes,
            found.may_create_users,
            found.email_trusted,
            found.allowed_domains,
            active,
        )
        return facts, None

    with desk() as here:
        provider = _provider(here, slug)
        service.update_provider(
            here.session,
            provider.id,
            change=change,
            masters=here.masters,
            actor=here.caller.actor,
            now=here.now,
        )


def _provider(here: Desk, slug: str) -> Provider:
    found = next((one for one in service.list_providers(here.session, limit=200) if one.slug == slug), None)
    if found is None:
        raise NotFound("There is no such identity provider", fix="List them: identity-providers list")
    return found


def _person(here: Desk, email: str) -> Person:
    found = directory.find_user(here.session, email)
    if found is None:
        raise NotFound("Nobody here has this mail address", fix="List people: users list")
    return found


def _word(*, yes: bool) -> str:
    return "yes" if yes else "no"
