"""The consumer record: who this instance is."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.console import forms
from consumer_service.console.deps import AdminDep, ReaderDep, console_router, notify, page, say_error
from consumer_service.console.forms import Form
from consumer_service.context import Context, ContextDep
from consumer_service.instance import service
from consumer_service.instance.deps import InstanceHooksDep, mark
from consumer_service.instance.domain import Instance, NewInstance, Standing
from consumer_service.instance.schemas import InstanceCreate, InstancePatch
from consumer_service.mail import service as mail
from consumer_service.mail.domain import canonical_address
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, Invalid, PreconditionFailed
from shared.wire.identifiers import canonical_issuer
from shared.wire.states import InstanceType, Role

router = console_router()

FIELDS = ("name", "instance_type", "sender_address", "support_contact")
SENTENCES = {
    "name": "Use 1 to 64 letters, digits and dashes.",
    "instance_type": "Choose what this instance is for.",
    "sender_address": "Enter an e-mail address like exchange@example.com, or nothing.",
    "support_contact": "Enter one line of at most 200 characters.",
}


@router.get("/instance")
async def show_record(request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Show the record; before there is one, ask for it."""

    def look(session: Session) -> tuple[Instance | None, Standing]:
        return service.get(session), service.state(session, context.settings.data_dir)

    record, standing = await context.database.read(look)
    admin = Role.ADMIN in caller.roles
    if record is None:
        form = Form.of(instance_type=context.settings.instance_type)
        return _asked(request, context, form, None)
    return page(request, "instance/page.html", record=record, standing=standing, admin=admin, form=Form())


@router.get("/instance/edit")
async def show_edit(request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Ask what to change."""
    record = await context.database.read(service.require)
    values = {name: getattr(record, name) for name in FIELDS}
    form = Form.of(**values, version=record.version, email_enabled="on" if record.email_enabled else None)
    return _asked(request, context, form, record)


@router.post("/instance")
async def create_record(request: Request, context: ContextDep, caller: AdminDep, hooks: InstanceHooksDep) -> Response:
    """State once who this instance is; its keys are made with it."""
    form = await forms.read(request)
    settings = context.settings

    def work(session: Session, now: datetime) -> Instance:
        body = forms.checked(InstanceCreate, form, *FIELDS, email_enabled=form.has("email_enabled"))
        issuer = canonical_issuer(settings.issuer, allow_loopback_http=settings.environment == "development")
        new = NewInstance(**body.model_dump())
        return service.create(session, new, issuer=issuer, actor=caller.actor, hooks=hooks, now=now)

    try:
        made = await context.database.write(work, context.clock())
    except (Invalid, Conflict) as error:
        return _asked(request, context, form.wrong(error, SENTENCES), None, status_of(error))
    await mark(made, settings.data_dir)
    return notify(request, "/", "success", "The consumer record was created, and its keys with it.")


@router.post("/instance/edit")
async def change_record(request: Request, context: ContextDep, caller: AdminDep, hooks: InstanceHooksDep) -> Response:
    """Change what may change."""
    form = await forms.read(request)
    version = int(form.value("version")) if form.value("version").isdecimal() else None

    def work(session: Session, now: datetime) -> Instance:
        wanted = forms.checked(InstancePatch, form, *FIELDS, email_enabled=form.has("email_enabled")).model_dump()
        return service.change(session, wanted, expected_version=version, actor=caller.actor, hooks=hooks, now=now)

    try:
        await context.database.write(work, context.clock())
    except (Invalid, PreconditionFailed) as error:
        record = await context.database.read(service.require)
        return _asked(request, context, form.wrong(error, SENTENCES), record, status_of(error))
    return notify(request, "/instance", "success", "The consumer record was saved.")


@router.post("/instance/declaration")
async def declare(request: Request, context: ContextDep, caller: AdminDep, hooks: InstanceHooksDep) -> Response:
    """Take the operator's word on what happened to a muted instance: it was copied, or restored."""
    form = await forms.read(request)
    act = {"copy": service.declare_copy, "restored": service.declare_restored}.get(form.value("decision"))
    if act is None:
        return say_error(request, "/instance", Invalid("Say whether it is a copy or was restored"))
    made = await context.database.write(act, actor=caller.actor, hooks=hooks, now=context.clock())
    await mark(made, context.settings.data_dir)
    return notify(request, "/instance", "success", "It is written down, and this instance goes on.")


@router.post("/instance/test-mail")
async def send_test_mail(request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Send a mail that only shows that mail works."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> str:
        record = service.require(session)
        to = canonical_address(form.value("to") or caller.email)
        return mail.send_test(
            session, to=to, language=caller.language, instance=record.name, actor=caller.actor, now=now
        ).recipient

    try:
        to = await context.database.write(work, context.clock())
    except Invalid as error:
        return say_error(request, "/instance", error)
    return notify(request, "/instance", "success", "A test mail to {address} is queued.", address=to)


def _asked(request: Request, context: Context, form: Form, record: Instance | None, status: int = 200) -> Response:
    return page(
        request,
        "instance/form.html",
        status_code=status,
        form=form,
        record=record,
        issuer=context.settings.issuer,
        types=list(InstanceType),
    )
