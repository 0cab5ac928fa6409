"""Identity providers, and which of their accounts are linked to whom."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from consumer_service.audit.deps import Answer, carry_out_once, place_in
from consumer_service.audit.schemas import EntityId
from consumer_service.context import Context, ContextDep
from consumer_service.directory.deps import allowed, scoped
from consumer_service.directory.domain import Caller
from consumer_service.oidc import calls, service
from consumer_service.oidc.domain import Provider, ProviderFacts
from consumer_service.oidc.schemas import (
    IdentityCreate,
    IdentityList,
    IdentityProviderCreate,
    IdentityProviderPatch,
    IdentityProviderQuery,
    IdentityProviderView,
    IdentityView,
)
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.conventions import (
    MERGE_PATCH_TYPE,
    Page,
    cut_page,
    etag_of,
    known_parameters,
    link_header,
    patched,
    require_match,
)
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1", dependencies=[Depends(known_parameters)])

IfMatch = Annotated[str | None, Header(description="The ETag of the version the change starts from.")]
PatchBody = Annotated[bytes, Depends(merge_patch_body)]
ReaderDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="identity-providers:read"))]
WriterDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="identity-providers:write"))]
SelfReaderDep = Annotated[Caller, Depends(scoped("users:read"))]
SelfWriterDep = Annotated[Caller, Depends(scoped("users:write"))]
UserReaderDep = Annotated[Caller, Depends(allowed(Role.ADMIN, Role.SN_KMF_ADMIN, scope="users:read"))]
UserWriterDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="users:write"))]
ProviderCreateDep = Annotated[IdentityProviderCreate, Depends(body_of(IdentityProviderCreate))]
IdentityCreateDep = Annotated[IdentityCreate, Depends(body_of(IdentityCreate))]

_NEW_PROVIDER = signed_body(
    IdentityProviderCreate,
    example={
        "slug": "staff",
        "issuer": "https://login.example.com/realms/staff",
        "name": "Staff sign-in",
        "client_id": "service-exchange",
        "client_secret": "the secret the provider has made",
    },
)
_PROVIDER_PATCH = signed_body(IdentityProviderPatch, example={"active": False}, content_type=MERGE_PATCH_TYPE)
_NEW_IDENTITY = signed_body(
    IdentityCreate, example={"provider_id": "0197f3c0-0000-7000-8000-000000000000", "subject": "248289761001"}
)


@router.get("/identity-providers", tags=["identity providers"])
async def list_identity_providers(
    request: Request,
    response: Response,
    _caller: ReaderDep,
    context: ContextDep,
    query: Annotated[IdentityProviderQuery, Query()],
) -> Page[IdentityProviderView]:
    """Return identity providers in the order they were made."""
    after = place_in(query.cursor, "oldest")
    rows = await context.database.read(service.list_providers, active=query.active, after=after, limit=query.limit + 1)
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[_view(context, row) for row in shown], next_cursor=following)


@router.post(
    "/identity-providers",
    tags=["identity providers"],
    status_code=201,
    response_model=IdentityProviderView,
    openapi_extra=_NEW_PROVIDER,
)
async def create_identity_provider(
    request: Request, caller: WriterDep, wanted: ProviderCreateDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Let people sign in by an identity provider, once they are linked. The secret is sealed and never shown."""
    context.peers.check_url(wanted.issuer)

    def work(session: Session, now: datetime) -> Answer:
        made = service.create_provider(
            session,
            wanted.facts(),
            slug=wanted.slug,
            issuer=wanted.issuer,
            secret=wanted.client_secret,
            masters=context.masters,
            actor=caller.actor,
            now=now,
        )
        return Answer(_view(context, made))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/identity-providers/{provider_id}", tags=["identity providers"])
async def get_identity_provider(
    provider_id: EntityId, _caller: ReaderDep, context: ContextDep, response: Response
) -> IdentityProviderView:
    """Return an identity provider, with the ETag that a change has to name."""
    return _shown(context, await context.database.read(service.get_provider, provider_id), response)


@router.patch("/identity-providers/{provider_id}", tags=["identity providers"], openapi_extra=_PROVIDER_PATCH)
async def update_identity_provider(
    provider_id: EntityId,
    caller: WriterDep,
    body: PatchBody,
    context: ContextDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> IdentityProviderView:
    """Change an identity provider. Deactivating it ends every session and token that began by its word."""

    def change(provider: Provider) -> tuple[ProviderFacts, str | None]:
        require_match(if_match, etag_of(provider.version))
        names = IdentityProviderPatch.model_fields.keys() - {"client_secret"}
        present = {name: getattr(provider, name) for name in names}
        lists = {"scopes": list(provider.scopes), "allowed_domains": list(provider.allowed_domains)}
        wanted = patched(IdentityProviderPatch, present | lists, body)
        return wanted.facts(), wanted.client_secret

    changed = await context.database.write(
        service.update_provider,
        provider_id,
        change=change,
        masters=context.masters,
        actor=caller.actor,
        now=context.clock(),
    )
    return _shown(context, changed, response)


@router.get("/me/identities", tags=["me"])
async def list_my_identities(caller: SelfReaderDep, context: ContextDep) -> IdentityList:
    """Return the accounts at identity providers that are linked to the caller."""
    rows = await context.database.read(service.list_identities, caller.user_id)
    return IdentityList(items=[IdentityView.of(row) for row in rows])


@router.delete("/me/identities/{identity_id}", tags=["me"], status_code=204)
async def unlink_my_identity(identity_id: EntityId, caller: SelfWriterDep, context: ContextDep) -> Response:
    """End a link of one's own; sessions and tokens that began by it end at once."""
    await context.database.write(service.unlink, caller.user_id, identity_id, caller=caller, now=context.clock())
    return Response(status_code=204)


@router.get("/users/{user_id}/identities", tags=["users"])
async def list_user_identities(user_id: EntityId, _caller: UserReaderDep, context: ContextDep) -> IdentityList:
    """Return the accounts at identity providers that are linked to a person."""
    rows = await context.database.read(service.list_identities, user_id)
    return IdentityList(items=[IdentityView.of(row) for row in rows])


@router.post(
    "/users/{user_id}/identities",
    tags=["users"],
    status_code=201,
    response_model=IdentityView,
    openapi_extra=_NEW_IDENTITY,
)
async def link_user_identity(
    user_id: EntityId,
    request: Request,
    caller: UserWriterDep,
    wanted: IdentityCreateDep,
    context: ContextDep,
    key: IdempotencyKey,
) -> Response:
    """Link an account at an identity provider to a person, on the administrator's word."""

    def work(session: Session, now: datetime) -> Answer:
        made = service.link_as_administrator(
            session, user_id, provider_id=wanted.provider_id, subject=wanted.subject, caller=caller, now=now
        )
        return Answer(IdentityView.of(made))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.delete("/users/{user_id}/identities/{identity_id}", tags=["users"], status_code=204)
async def unlink_user_identity(
    user_id: EntityId, identity_id: EntityId, caller: UserWriterDep, context: ContextDep
) -> Response:
    """End a link; sessions and tokens that began by it end at once."""
    await context.database.write(service.unlink, user_id, identity_id, caller=caller, now=context.clock())
    return Response(status_code=204)


def _view(context: Context, provider: Provider) -> IdentityProviderView:
    return IdentityProviderView.of(provider, calls.redirect_uri(context, provider.slug))


def _shown(context: Context, provider: Provider, response: Response) -> IdentityProviderView:
    response.headers["etag"] = etag_of(provider.version)
    return _view(context, provider)
