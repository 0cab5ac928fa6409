"""Signing up: asking for access, proving the mailbox, accepting an invitation, following it. Open to everybody."""

from collections.abc import Sequence

from fastapi import Request
from starlette.responses import Response

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import AttributeRecord, AttributeType, DeclaredFor
from provider_service.console import forms
from provider_service.console.deps import VisitorDep, console_router, page
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory import deps
from provider_service.directory.domain import Caller
from provider_service.options import service as options
from provider_service.options.domain import SelfRegistration
from provider_service.self_service import calls
from provider_service.self_service.domain import Draft, InvitationRecord, RequestRecord, Submission
from shared.interface.csrf import require_same_origin
from shared.transport.problems import status_of
from shared.wire.errors import ExchangeError, Invalid, NotFound, TooMany
from shared.wire.self_service import REQUEST_ATTRIBUTES, RequestTypeCd, SubmitterKind

router = console_router()

_ANSWER_LIMIT = 800

SENTENCES = {
    "EmailAddress": "Enter an e-mail address like name@example.com.",
    "AccountKey": "Enter the account you belong to.",
    "LoginId": "Enter a name of your own, or this e-mail address, or nothing.",
    "DateOfBirth": "Enter a date like 2001-12-31.",
}


@router.get("/sign-up")
async def show_sign_up(request: Request, context: ContextDep) -> Response:
    """Ask who wants access, and to what."""
    consumer = request.query_params.get("type") == "consumer"
    return await _asked(request, context, Form.of(RequestTypeCd=_type(consumer=consumer)))


@router.post("/sign-up")
async def sign_up(request: Request, context: ContextDep) -> Response:
    """Take a request; the answer is the same whatever is known about the person."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    declared = await context.database.read(accounts.list_attributes, DeclaredFor.REQUEST)
    by = Submission(SubmitterKind.ANONYMOUS, address=deps.client_address(request))
    language = request.app.state.desk.pages.languages.preferred(None, request.headers.get("accept-language"))
    try:
        made = await calls.submit(context, Draft(_attributes(form, declared), language), by, proven=False)
    except (Invalid, TooMany) as error:
        return await _asked(request, context, _wrong(form, error), status_of(error))
    return page(request, "sign_up/sent.html", email=made.request.email, secret=made.secret)


@router.get("/sign-up/confirm")
async def show_confirm(request: Request) -> Response:
    """Where the link of the mail leads; the secret behind the # stays in the browser until the form is sent."""
    return page(request, "sign_up/confirm.html", form=Form(), found=None)


@router.post("/sign-up/confirm")
async def confirm(request: Request, context: ContextDep) -> Response:
    """Show the request that a link is for, and take the mailbox for proven once its owner says so."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    secret = form.value("token").strip()
    try:
        if form.has("confirmed"):
            await calls.prove(context, secret)
            return page(request, "sign_up/confirmed.html")
        found = await calls.unproven(context, secret)
    except NotFound:
        return page(request, "sign_up/confirm.html", status_code=410, form=_ended(), found=None)
    except ExchangeError as error:
        return page(request, "sign_up/confirm.html", status_code=status_of(error), form=Form().wrong(error), found=None)
    return page(request, "sign_up/confirm.html", form=form, found=found)


@router.get("/sign-up/invitation")
async def show_invitation_form(request: Request, caller: VisitorDep) -> Response:
    """Where the link of an invitation leads; the secret behind the # stays in the browser until the form is sent."""
    return page(request, "sign_up/invitation.html", form=Form(), found=None)


@router.post("/sign-up/invitation")
async def take_invitation(request: Request, context: ContextDep, caller: VisitorDep) -> Response:
    """Show what a link invites to; accept it once the person says so. Whatever goes wrong uses nothing up."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    secret = form.value("token").strip()
    try:
        found = await calls.invited(context, secret, caller=caller)
    except NotFound:
        return page(request, "sign_up/invitation.html", status_code=410, form=_ended(), found=None)
    except ExchangeError as error:
        shown = Form().wrong(error)
        return page(request, "sign_up/invitation.html", status_code=status_of(error), form=shown, found=None)
    if not form.has("accepted"):
        return await _invited(request, context, Form.of(token=secret), found, caller)
    declared = await context.database.read(accounts.list_attributes, DeclaredFor.REQUEST)
    address, given = deps.client_address(request), _attributes(form, declared)
    try:
        made = await calls.accept(context, secret, given, caller=caller, address=address)
    except ExchangeError as error:
        return await _invited(request, context, _wrong(form, error), found, caller, status_of(error))
    state, email = made.request.state, made.request.email
    return page(request, "sign_up/accepted.html", request_state=state, email=email, secret=made.secret)


@router.get("/sign-up/status")
async def show_status_form(request: Request) -> Response:
    """Where tracking links lead."""
    return page(request, "sign_up/status.html", form=Form(), found=None)


@router.post("/sign-up/status")
async def show_status(request: Request, context: ContextDep) -> Response:
    """Show how a request stands, to whoever has its tracking link; take an answer or a withdrawal first."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    try:
        found = await _acted(context, form)
    except NotFound:
        return page(request, "sign_up/status.html", status_code=410, form=_ended(), found=None)
    except ExchangeError as error:
        found = await calls.follow(context, form.value("token").strip())
        return page(request, "sign_up/status.html", status_code=status_of(error), form=form.wrong(error), found=found)
    return page(request, "sign_up/status.html", form=Form.of(token=form.value("token")), found=found)


async def _acted(context: Context, form: Form) -> RequestRecord:
    secret = form.value("token").strip()
    if form.has("withdraw"):
        return await calls.withdraw(context, secret)
    answer = form.value("answer").strip()[:_ANSWER_LIMIT]
    return await calls.answer(context, secret, answer) if answer else await calls.follow(context, secret)


async def _asked(request: Request, context: Context, form: Form, status_code: int = 200) -> Response:
    profile = await context.database.read(options.current)
    declared = await context.database.read(accounts.list_attributes, DeclaredFor.REQUEST)
    return page(
        request,
        "sign_up/form.html",
        status_code=status_code,
        form=form,
        closed=profile.self_registration is SelfRegistration.NONE,
        keeps_login=False,
        consumer=form.value("RequestTypeCd") == RequestTypeCd.CONSUMER,
        declared=declared,
        key_field=profile.acct_key_field,
    )


async def _invited(
    request: Request,
    context: Context,
    form: Form,
    found: InvitationRecord,
    caller: Caller | None,
    status_code: int = 200,
) -> Response:
    return page(
        request,
        "sign_up/invitation.html",
        status_code=status_code,
        form=form,
        found=found,
        declared=await context.database.read(accounts.list_attributes, DeclaredFor.REQUEST),
        keeps_login=caller is not None,
    )


def _attributes(form: Form, declared: Sequence[AttributeRecord]) -> dict[str, object]:
    """Return what was typed, by the seed's names; declared ones in their types."""
    given: dict[str, object] = {name: form.value(name).strip() for name in REQUEST_ATTRIBUTES if form.value(name)}
    for one in declared:
        text = form.value(one.code).strip()
        if one.type is AttributeType.BOOLEAN:
            given[one.code] = form.has(one.code)
        elif text:
            given[one.code] = _number(text) if one.type is AttributeType.NUMBER else text
    return given


def _number(text: str) -> object:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _wrong(form: Form, error: ExchangeError) -> Form:
    """Say what is wrong at each field, in its own words where it has some."""
    found = {
        one.pointer.rpartition("/")[2]: SENTENCES.get(one.pointer.rpartition("/")[2], one.detail)
        for one in error.errors
    }
    return Form(form.values, found) if found else form.wrong(error)


def _ended() -> Form:
    return Form().wrong_at("token", "This link does not work, or no longer.")


def _type(*, consumer: bool) -> str:
    return RequestTypeCd.CONSUMER if consumer else RequestTypeCd.CONTACT
