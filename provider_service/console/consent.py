"""The contact of a company allows, or refuses, the connection to the consumer's instance."""

from typing import Annotated

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.audit import service as audit
from provider_service.authorizations import service as authorizations
from provider_service.console import forms
from provider_service.console.deps import AnyoneDep, console_router, page
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory.domain import Caller
from provider_service.handshakes import service
from provider_service.handshakes.schemas import ConsentView
from provider_service.registrations import service as registrations
from shared.interface.headers import allow_form_redirect
from shared.interface.languages import Told
from shared.transport.problems import status_of
from shared.wire.errors import Conflict

router = console_router()

ClientId = Annotated[str, Query(min_length=1, max_length=64)]
RequestUri = Annotated[str, Query(min_length=1, max_length=300)]


@router.get("/oauth/authorize")
async def show_consent(
    request: Request, context: ContextDep, caller: AnyoneDep, client_id: ClientId, request_uri: RequestUri
) -> Response:
    """Show who asks for what, and who may allow it (RFC 9126 section 4)."""
    view = await context.database.read(
        service.consent_page, client_id=client_id, request_uri=request_uri, now=context.clock()
    )
    form = Form.of(client_id=client_id, request_uri=request_uri)
    return _shown(request, view, caller, form)


@router.post("/oauth/authorize")
async def decide(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Take the decision, and send the browser back to the consumer."""
    form = await forms.read(request)
    handle = {"client_id": form.value("client_id")[:64], "request_uri": form.value("request_uri")[:300]}
    view = await context.database.read(service.consent_page, **handle, now=context.clock())
    try:
        location = await context.database.write(_decided, context, view, handle, form, caller)
    except Conflict as error:
        if error.code not in {"comparison_wrong", "comparison_failed"}:
            raise
        if error.code == "comparison_wrong":
            # in a transaction of its own: the refused one has been rolled back
            await context.database.write(authorizations.wrong_code, **handle, now=context.clock())
        wrong = form.wrong_at("comparison_code", Told.of((error.detail, error.fix)))
        return _shown(request, view, caller, wrong, status_of(error))
    return RedirectResponse(location, status_code=303)


def _decided(
    session: Session, context: Context, view: ConsentView, handle: dict[str, str], form: Form, caller: Caller
) -> str:
    now, allow = context.clock(), form.value("decision") == "allow"
    location = service.decide(
        session,
        **handle,
        user_id=caller.user_id,
        allow=allow,
        typed=form.value("comparison_code") or None,
        now=now,
    )
    audit.record(
        session,
        actor=caller.actor,
        action="registration.allowed" if allow else "registration.denied",
        subject_type=registrations.SUBJECT,
        subject_id=view.number,
        number=view.number,
        now=now,
    )
    return location


def _shown(request: Request, view: ConsentView, caller: Caller, form: Form, status: int = 200) -> Response:
    allow_form_redirect(request.scope, view.callback_origin)
    back = request.url.replace(path="/oauth/authorize", query="").include_query_params(
        client_id=form.value("client_id"), request_uri=form.value("request_uri")
    )
    return page(
        request,
        "consent.html",
        status_code=status,
        view=view,
        form=form,
        signed_in=caller,
        expected=caller.user_id == view.expected_user_id,
        back=f"{back.path}?{back.query}",
    )
