"""Identity providers: whose word about people counts here."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from provider_service.console import forms
from provider_service.console.deps import AdminDep, console_router, notify, page
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.oidc import calls, service
from provider_service.oidc.domain import DEFAULT_SCOPES, Provider, ProviderFacts
from provider_service.oidc.schemas import IdentityProviderCreate, IdentityProviderPatch
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, Invalid, Unavailable

router = console_router()

LONGEST = 200
"""Identity providers on the page, at most."""

SENTENCES = {
    "name": "Enter a name of at most 200 characters.",
    "slug": "Enter up to 40 lower-case letters, digits and dashes.",
    "issuer": "Enter the issuer as its discovery document names it, like https://login.example.com.",
    "client_id": "Enter the client id the identity provider has given you.",
    "client_secret": "Enter the client secret the identity provider has given you.",
    "scopes": "Enter scopes separated by blanks; openid is one of them.",
    "allowed_domains": "Enter mail domains like example.com, separated by blanks.",
}


@router.get("/identity-providers")
async def show_providers(request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Show identity providers in the order they were made."""
    rows = await context.database.read(service.list_providers, limit=LONGEST)
    return page(request, "identity_providers/list.html", providers=rows)


@router.get("/identity-providers/new")
async def show_new_provider(request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Ask for an identity provider."""
    return _asked(request, context, None, Form.of(scopes=" ".join(DEFAULT_SCOPES), active="on"))


@router.post("/identity-providers")
async def create_provider(request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Let the word of an identity provider count."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> Provider:
        wanted = forms.checked(
            IdentityProviderCreate, form, "slug", "issuer", "name", "client_id", "client_secret", **_others(form)
        )
        context.peers.check_url(wanted.issuer)
        return service.create_provider(
            session,
            wanted.facts(),
            slug=wanted.slug,
            issuer=wanted.issuer,
            secret=wanted.client_secret,
            masters=context.masters,
            actor=caller.actor,
            now=now,
        )

    try:
        made = await context.database.write(work, context.clock())
    except (Invalid, Conflict, Unavailable) as error:
        return _asked(request, context, None, form.wrong(error, SENTENCES), status_of(error))
    return notify(request, f"/identity-providers/{made.id}", "success", "The identity provider was saved.")


@router.get("/identity-providers/{provider_id}")
async def show_provider(provider_id: str, request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Show an identity provider, to be changed."""
    found = await context.database.read(service.get_provider, provider_id)
    return _asked(request, context, found, _present(found))


@router.post("/identity-providers/{provider_id}")
async def change_provider(provider_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Change an identity provider; deactivating it ends whatever began by its word."""
    form = await forms.read(request)

    def change(_provider: Provider) -> tuple[ProviderFacts, str | None]:
        wanted = forms.checked(IdentityProviderPatch, form, "name", "client_id", "client_secret", **_others(form))
        keeps = not wanted.client_secret and not form.has("no_secret")
        return wanted.facts(), None if keeps else wanted.client_secret or ""

    try:
        await context.database.write(
            service.update_provider,
            provider_id,
            change=change,
            masters=context.masters,
            actor=caller.actor,
            now=context.clock(),
        )
    except (Invalid, Conflict, Unavailable) as error:
        found = await context.database.read(service.get_provider, provider_id)
        return _asked(request, context, found, form.wrong(error, SENTENCES), status_of(error))
    return notify(request, f"/identity-providers/{provider_id}", "success", "The identity provider was saved.")


def _others(form: Form) -> dict[str, object]:
    return {
        "scopes": form.value("scopes").split(),
        "allowed_domains": form.value("allowed_domains").replace(",", " ").split(),
        "may_create_users": form.has("may_create_users"),
        "email_trusted": form.has("email_trusted"),
        "active": form.has("active"),
    }


def _present(provider: Provider) -> Form:
    return Form.of(
        name=provider.name,
        client_id=provider.client_id,
        scopes=" ".join(provider.scopes),
        allowed_domains=" ".join(provider.allowed_domains),
        may_create_users="on" if provider.may_create_users else None,
        email_trusted="on" if provider.email_trusted else None,
        active="on" if provider.active else None,
    )


def _asked(request: Request, context: Context, provider: Provider | None, form: Form, status: int = 200) -> Response:
    slug = provider.slug if provider else form.value("slug") or "…"
    return page(
        request,
        "identity_providers/page.html",
        status_code=status,
        provider=provider,
        form=form,
        redirect_uri=calls.redirect_uri(context, slug),
    )
