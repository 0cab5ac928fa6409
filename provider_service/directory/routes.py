"""People, their roles, their passwords and their API tokens."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.audit.deps import Answer, carry_out_once, place_in
from provider_service.audit.schemas import EntityId
from provider_service.context import ContextDep
from provider_service.directory import service
from provider_service.directory.deps import CallerDep, allowed, scoped
from provider_service.directory.domain import Caller, Person, UserChanges
from provider_service.directory.schemas import (
    MeView,
    NewTokenView,
    PasswordMailRequest,
    PasswordMailView,
    RolesUpdate,
    SelfPatch,
    TokenCreate,
    TokenQuery,
    TokenView,
    UserCreate,
    UserPatch,
    UserQuery,
    UserView,
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
ReaderDep = Annotated[Caller, Depends(allowed(Role.ADMIN, Role.SN_KMF_ADMIN, scope="users:read"))]
WriterDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="users:write"))]
RoleGiverDep = Annotated[Caller, Depends(allowed(Role.ADMIN, Role.SN_KMF_ADMIN, scope="users:write"))]
SelfWriterDep = Annotated[Caller, Depends(scoped("users:write"))]
TokenReaderDep = Annotated[Caller, Depends(scoped("tokens:read"))]
TokenWriterDep = Annotated[Caller, Depends(scoped("tokens:write"))]
UserCreateDep = Annotated[UserCreate, Depends(body_of(UserCreate))]
RolesDep = Annotated[RolesUpdate, Depends(body_of(RolesUpdate))]
PasswordMailDep = Annotated[PasswordMailRequest, Depends(body_of(PasswordMailRequest))]
TokenCreateDep = Annotated[TokenCreate, Depends(body_of(TokenCreate))]

_NEW_USER = signed_body(
    UserCreate, example={"email": "ada@example.com", "name": "Ada Lovelace", "language": "en", "roles": ["sn_sb.read"]}
)
_USER_PATCH = signed_body(UserPatch, example={"active": False}, content_type=MERGE_PATCH_TYPE)
_SELF_PATCH = signed_body(SelfPatch, example={"language": "de"}, content_type=MERGE_PATCH_TYPE)
_ROLES = signed_body(RolesUpdate, example={"roles": ["admin", "sn_sb.read"]})
_PASSWORD_MAIL = signed_body(PasswordMailRequest, example={"delivery": "mail"})
_NEW_TOKEN = signed_body(TokenCreate, example={"name": "reporting", "scopes": ["events:read"], "expires_in_days": 90})


@router.get("/me", tags=["me"])
async def get_me(caller: CallerDep, context: ContextDep) -> MeView:
    """Return who calls and what they may do."""
    person = await context.database.read(service.get_user, caller.user_id)
    return MeView(user=UserView.of(person), scopes=None if caller.scopes is None else sorted(caller.scopes))


@router.patch("/me", tags=["me"], openapi_extra=_SELF_PATCH)
async def update_me(
    caller: SelfWriterDep, body: PatchBody, context: ContextDep, response: Response, if_match: IfMatch = None
) -> UserView:
    """Change one's own name or language."""

    def change(person: Person) -> tuple[str, str]:
        require_match(if_match, etag_of(person.version))
        wanted = patched(SelfPatch, {"name": person.name, "language": person.language}, body)
        return wanted.name, wanted.language

    now = context.clock()
    return _shown(await context.database.write(service.update_self, change=change, caller=caller, now=now), response)


@router.get("/users", tags=["users"])
async def list_users(
    request: Request, response: Response, _caller: ReaderDep, context: ContextDep, query: Annotated[UserQuery, Query()]
) -> Page[UserView]:
    """Return people in the order they were made."""
    after = place_in(query.cursor, "oldest")
    filters = query.model_dump(include={"email", "active", "role"})
    rows = await context.database.read(service.list_users, after=after, limit=query.limit + 1, **filters)
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[UserView.of(row) for row in shown], next_cursor=following)


@router.post("/users", tags=["users"], status_code=201, response_model=UserView, openapi_extra=_NEW_USER)
async def create_user(
    request: Request, caller: WriterDep, wanted: UserCreateDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Make a person. Roles that govern keys are given by holders of `sn_kmf.admin` only."""

    def work(session: Session, now: datetime) -> Answer:
        given = wanted.model_dump(exclude={"roles"})
        person = service.create_user(session, **given, roles=frozenset(wanted.roles), caller=caller, now=now)
        return Answer(UserView.of(person))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/users/{user_id}", tags=["users"])
async def get_user(user_id: EntityId, _caller: ReaderDep, context: ContextDep, response: Response) -> UserView:
    """Return a person, with the ETag that a change has to name."""
    return _shown(await context.database.read(service.get_user, user_id), response)


@router.patch("/users/{user_id}", tags=["users"], openapi_extra=_USER_PATCH)
async def update_user(
    user_id: EntityId,
    caller: WriterDep,
    body: PatchBody,
    context: ContextDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> UserView:
    """Change a person, or deactivate them, which ends their sessions."""

    def change(person: Person) -> UserChanges:
        require_match(if_match, etag_of(person.version))
        present = {name: getattr(person, name) for name in UserPatch.model_fields}
        return UserChanges(**patched(UserPatch, present, body).model_dump())

    now = context.clock()
    return _shown(
        await context.database.write(service.update_user, user_id, change=change, caller=caller, now=now), response
    )


@router.put("/users/{user_id}/roles", tags=["users"], openapi_extra=_ROLES)
async def set_user_roles(
    user_id: EntityId,
    caller: RoleGiverDep,
    wanted: RolesDep,
    context: ContextDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> UserView:
    """Let a person hold exactly these roles. Nobody gives roles to themselves; the last administrator stays one."""

    def change(person: Person) -> frozenset[Role]:
        require_match(if_match, etag_of(person.version))
        return frozenset(wanted.roles)

    now = context.clock()
    return _shown(
        await context.database.write(service.set_roles, user_id, change=change, caller=caller, now=now), response
    )


@router.post(
    "/users/{user_id}/password-mail",
    tags=["users"],
    status_code=202,
    response_model=PasswordMailView,
    openapi_extra=_PASSWORD_MAIL,
)
async def send_password_mail(
    user_id: EntityId,
    request: Request,
    caller: WriterDep,
    wanted: PasswordMailDep,
    context: ContextDep,
    key: IdempotencyKey,
) -> Response:
    """Let a person set a password, by mail or by a link to hand on. It works once."""

    def work(session: Session, now: datetime) -> Answer:
        if wanted.delivery == "link":
            issuer = context.settings.issuer
            link = service.show_password_link(session, user_id, issuer=issuer, caller=caller, now=now)
            return Answer(PasswordMailView(link=link), 202, kept=PasswordMailView())
        instance = context.settings.issuer
        mail_id = service.send_password_mail(session, user_id, instance=instance, caller=caller, now=now)
        return Answer(PasswordMailView(mail_id=mail_id), 202)

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/tokens", tags=["tokens"])
async def list_tokens(
    request: Request,
    response: Response,
    caller: TokenReaderDep,
    context: ContextDep,
    query: Annotated[TokenQuery, Query()],
) -> Page[TokenView]:
    """Return one's own tokens in the order they were made."""
    after, everyones = place_in(query.cursor, "oldest"), query.everyones
    rows = await context.database.read(
        service.list_tokens, caller=caller, everyones=everyones, after=after, limit=query.limit + 1
    )
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[TokenView.model_validate(row) for row in shown], next_cursor=following)


@router.post("/tokens", tags=["tokens"], status_code=201, response_model=NewTokenView, openapi_extra=_NEW_TOKEN)
async def create_token(
    request: Request, caller: TokenWriterDep, wanted: TokenCreateDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Make a token that acts for the caller, within the scopes named. It is shown in this answer and never again."""

    def work(session: Session, now: datetime) -> Answer:
        scopes = frozenset(wanted.scopes)
        made = service.create_token(
            session, name=wanted.name, scopes=scopes, days=wanted.expires_in_days, caller=caller, now=now
        )
        return Answer(NewTokenView.shown(made.token, made.secret), kept=NewTokenView.shown(made.token, None))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.delete("/tokens/{token_id}", tags=["tokens"])
async def revoke_token(token_id: EntityId, caller: TokenWriterDep, context: ContextDep) -> TokenView:
    """End a token at once; doing it again changes nothing."""
    row = await context.database.write(service.revoke_token, token_id, caller=caller, now=context.clock())
    return TokenView.model_validate(row)


def _shown(person: Person, response: Response) -> UserView:
    response.headers["etag"] = etag_of(person.version)
    return UserView.of(person)
