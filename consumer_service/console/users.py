"""People: who they are, what they may, and how they get in."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from consumer_service.console import forms
from consumer_service.console.deps import (
    PAGE_LENGTH,
    AdminDep,
    RoleGiverDep,
    console_router,
    name_of_instance,
    notify,
    page,
    say_error,
)
from consumer_service.console.forms import Form
from consumer_service.context import ContextDep
from consumer_service.directory import service
from consumer_service.directory.domain import KEY_ROLES, Caller, Person, UserChanges
from consumer_service.directory.schemas import RolesUpdate, UserCreate, UserPatch
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, Forbidden, Invalid
from shared.wire.states import Role

router = console_router()

SENTENCES = {
    "email": "Enter an e-mail address like name@example.com.",
    "name": "Enter a name of at most 200 characters.",
    "language": "Choose a language.",
    "roles": "Choose from the roles listed.",
}

ROLES: Final = (
    (Role.ADMIN, "Does everything except giving key roles."),
    (Role.SN_SB_ADMIN, "Runs connections and the Health Dashboard."),
    (Role.SN_SB_READ, "Sees onboardings, connections and issues."),
    (Role.SN_KMF_ADMIN, "Gives the key roles, and reads key diagnostics."),
    (Role.SN_KMF_CRYPTOGRAPHIC_MANAGER, "Rotates keys and gives them up."),
    (Role.SN_KMF_CRYPTOGRAPHIC_AUDITOR, "Reads keys and their diagnostics."),
)


@router.get("/users")
async def show_users(
    request: Request,
    context: ContextDep,
    caller: RoleGiverDep,
    after: Annotated[str | None, Query(max_length=36)] = None,
    email: Annotated[str, Query(max_length=254)] = "",
) -> Response:
    """Show people in the order they were made."""
    rows = await context.database.read(
        service.list_users, after=after, email=email.strip() or None, limit=PAGE_LENGTH + 1
    )
    following = rows[PAGE_LENGTH - 1].id if len(rows) > PAGE_LENGTH else None
    return page(
        request,
        "users/list.html",
        people=rows[:PAGE_LENGTH],
        following=following,
        after=after,
        email=email,
        admin=Role.ADMIN in caller.roles,
    )


@router.get("/users/new")
async def show_new_user(request: Request, caller: AdminDep) -> Response:
    """Ask for a person."""
    return _asked(request, caller, Form.of(language="en"))


@router.post("/users")
async def create_user(request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Make a person; a mail lets them set their password, if asked for."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> Person:
        wanted = forms.checked(UserCreate, form, "email", "name", "language", roles=list(form.all("roles")))
        given = wanted.model_dump(exclude={"roles"})
        person = service.create_user(session, **given, roles=frozenset(wanted.roles), caller=caller, now=now)
        if form.has("send_mail"):
            name = name_of_instance(session, context)
            service.send_password_mail(session, person.id, instance=name, caller=caller, now=now)
        return person

    try:
        made = await context.database.write(work, context.clock())
    except (Invalid, Conflict, Forbidden) as error:
        return _asked(request, caller, form.wrong(error, SENTENCES), status_of(error))
    return RedirectResponse(f"/users/{made.id}", status_code=303)


@router.get("/users/{user_id}")
async def show_user(user_id: str, request: Request, context: ContextDep, caller: RoleGiverDep) -> Response:
    """Show a person."""
    person = await context.database.read(service.get_user, user_id)
    return _shown(request, caller, person, _present(person))


@router.post("/users/{user_id}")
async def change_user(user_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Change a person, or deactivate them, which ends their sessions."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> Person:
        wanted = forms.checked(UserPatch, form, "email", "name", "language", active=form.has("active"))
        changes = UserChanges(**wanted.model_dump())
        return service.update_user(session, user_id, change=lambda _: changes, caller=caller, now=now)

    try:
        await context.database.write(work, context.clock())
    except (Invalid, Conflict, Forbidden) as error:
        person = await context.database.read(service.get_user, user_id)
        return _shown(request, caller, person, form.wrong(error, SENTENCES), status_of(error))
    return notify(request, f"/users/{user_id}", "success", "The person was saved.")


@router.post("/users/{user_id}/roles")
async def set_roles(user_id: str, request: Request, context: ContextDep, caller: RoleGiverDep) -> Response:
    """Let a person hold exactly the roles ticked; those the caller may not give stay as they are."""
    form = await forms.read(request)
    fixed = _beyond(caller)

    def work(session: Session, now: datetime) -> Person:
        wanted = forms.checked(RolesUpdate, form, roles=list(form.all("roles"))).roles

        def change(person: Person) -> frozenset[Role]:
            return (frozenset(wanted) - fixed) | (person.roles & fixed)

        return service.set_roles(session, user_id, change=change, caller=caller, now=now)

    try:
        await context.database.write(work, context.clock())
    except (Invalid, Conflict, Forbidden) as error:
        return say_error(request, f"/users/{user_id}", error)
    return notify(request, f"/users/{user_id}", "success", "The roles were saved.")


@router.post("/users/{user_id}/password-mail")
async def send_password_mail(user_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Send a person leave to set a password."""

    def work(session: Session, now: datetime) -> str:
        name = name_of_instance(session, context)
        return service.send_password_mail(session, user_id, instance=name, caller=caller, now=now)

    try:
        await context.database.write(work, context.clock())
    except (Conflict, Forbidden) as error:
        return say_error(request, f"/users/{user_id}", error)
    return notify(request, f"/users/{user_id}", "success", "A mail with a link to set the password is on its way.")


@router.post("/users/{user_id}/password-link")
async def show_password_link(user_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Show, once, a link to hand on where no mail is sent."""
    issuer = context.settings.issuer
    try:
        link = await context.database.write(
            service.show_password_link, user_id, issuer=issuer, caller=caller, now=context.clock()
        )
    except (Conflict, Forbidden) as error:
        return say_error(request, f"/users/{user_id}", error)
    person = await context.database.read(service.get_user, user_id)
    return page(request, "users/link.html", person=person, link=link)


def _present(person: Person) -> Form:
    return Form.of(
        email=person.email, name=person.name, language=person.language, active="on" if person.active else None
    )


def _beyond(caller: Caller) -> frozenset[Role]:
    """Return the roles the caller may neither give nor take."""
    plain = frozenset(Role) - KEY_ROLES
    return (frozenset() if Role.SN_KMF_ADMIN in caller.roles else KEY_ROLES) | (
        frozenset() if Role.ADMIN in caller.roles else plain
    )


def _asked(request: Request, caller: Caller, form: Form, status: int = 200) -> Response:
    offered = [pair for pair in ROLES if pair[0] not in _beyond(caller)]
    return page(request, "users/new.html", status_code=status, form=form, roles=offered)


def _shown(request: Request, caller: Caller, person: Person, form: Form, status: int = 200) -> Response:
    return page(
        request,
        "users/page.html",
        status_code=status,
        person=person,
        form=form,
        roles=ROLES,
        fixed=_beyond(caller),
        admin=Role.ADMIN in caller.roles,
    )
