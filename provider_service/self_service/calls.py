"""Requests and the identity directory: the directory is asked outside transactions, what it says is used inside."""

from asyncio import sleep
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM, Actor
from provider_service.context import Context
from provider_service.directory.domain import Caller
from provider_service.identity.calls import directory_of
from provider_service.identity.domain import Directory, DirectoryUser
from provider_service.instance import service as instance
from provider_service.self_service import service
from provider_service.self_service.domain import (
    Draft,
    Evidence,
    InvitationRecord,
    ProvisioningStep,
    RequestRecord,
    RoleRecord,
    Submission,
)
from provider_service.self_service.service import House, Submitted, Work
from shared.wire.errors import Conflict, ExchangeError, NotFound, Unavailable

BATCH = 100
_LOOKS, _PAUSE = 40, 0.1
"""How often, and after how many seconds again, is looked whether somebody else has told the directory."""


async def submit(context: Context, draft: Draft, by: Submission, *, proven: bool) -> Submitted:
    """Take a request. Raises as `service.submit` and `service.submit_unproven` do."""
    now = context.clock()
    if not proven:
        return await context.database.write(service.submit_unproven, draft, by, now=now)
    login = await context.database.read(service.login_for, draft, by)
    user = await directory_of(context).find_by_login(login)
    house = await house_of(context)
    taken = await context.database.write(service.submit, draft, by, user=user, house=house, now=now)
    return Submitted(await provision(context, taken.request.id), taken.secret)


async def prove(context: Context, secret: str) -> RequestRecord:
    """Take a mailbox for proven. Raises as `service.prove` does."""
    found = await context.database.read(service.show_unproven, secret)
    user = await _user(context, found.id)
    house, now = await house_of(context), context.clock()
    record = await context.database.write(service.prove, secret, user=user, house=house, now=now)
    await provision(context, record.id)
    return record


async def unproven(context: Context, secret: str) -> RequestRecord:
    """Return the request whose mailbox a link proves, changing nothing. Raises `NotFound`."""
    return await context.database.read(service.show_unproven, secret)


async def follow(context: Context, secret: str) -> RequestRecord:
    """Return the request a tracking link belongs to. Raises `NotFound`."""
    return await context.database.read(service.follow, secret)


async def withdraw(context: Context, secret: str) -> RequestRecord:
    """Take a request back by its tracking link. Raises as `service.withdraw` does."""
    now = context.clock()

    def work(session: Session) -> RequestRecord:
        found = service.follow(session, secret)
        return service.withdraw(session, found.id, actor=service.visitor(found), now=now)

    return await context.database.write(work)


async def answer(context: Context, secret: str, text: str) -> RequestRecord:
    """Tell, by the tracking link, what was asked for. Raises as `service.answer` does."""
    house, now = await house_of(context), context.clock()

    def work(session: Session) -> RequestRecord:
        found = service.follow(session, secret)
        return service.answer(session, found.id, text, house=house, actor=service.visitor(found), now=now)

    return await context.database.write(work)


async def evidence(context: Context, request_id: str, *, caller: Caller) -> Evidence:
    """Return what was found for a request. Raises `NotFound`, `Unavailable`."""
    user = await _user(context, request_id)
    return await context.database.read(service.evidence, request_id, user=user, caller=caller)


async def start(context: Context, request_id: str, *, caller: Caller) -> RequestRecord:
    """Start a request that does not go on by itself. Raises as `service.start` does."""
    user, house, now = await _user(context, request_id), await house_of(context), context.clock()
    record = await context.database.write(service.start, request_id, user=user, house=house, caller=caller, now=now)
    return await provision(context, record.id)


async def approve(
    context: Context, request_id: str, *, note_to_applicant: str = "", internal_note: str = "", caller: Caller
) -> RequestRecord:
    """Approve a request and carry it out as far as it goes; the worker goes on with what is left.

    Raises as `service.approve` does.
    """
    user, now = await _user(context, request_id), context.clock()
    record = await context.database.write(
        service.approve,
        request_id,
        user=user,
        note_to_applicant=note_to_applicant,
        internal_note=internal_note,
        caller=caller,
        now=now,
    )
    return await provision(context, record.id)


async def decide_all(
    context: Context, ids: Sequence[str], *, reject: bool, note_to_applicant: str, internal_note: str, caller: Caller
) -> list[tuple[str, RequestRecord | ExchangeError]]:
    """Approve or reject many, each for itself; return what became of each."""
    done: list[tuple[str, RequestRecord | ExchangeError]] = []
    house = await house_of(context)
    for one in ids:
        try:
            if reject:
                made = await context.database.write(
                    service.reject,
                    one,
                    note_to_applicant=note_to_applicant,
                    internal_note=internal_note,
                    instance=house.name,
                    caller=caller,
                    now=context.clock(),
                )
            else:
                made = await approve(
                    context, one, note_to_applicant=note_to_applicant, internal_note=internal_note, caller=caller
                )
            done.append((one, made))
        except ExchangeError as error:
            done.append((one, error))
    return done


async def invite(
    context: Context, company_id: str, email: str, *, administrator: bool, language: str, caller: Caller
) -> InvitationRecord:
    """Invite a mailbox to an account. Raises as `service.invite` does."""
    house = await house_of(context)
    return await context.database.write(
        service.invite,
        company_id,
        email,
        administrator=administrator,
        language=language,
        instance=house.name,
        caller=caller,
        now=context.clock(),
    )


async def resend(context: Context, invitation_id: str, *, caller: Caller) -> InvitationRecord:
    """Send an invitation again. Raises as `service.resend` does."""
    house = await house_of(context)
    return await context.database.write(
        service.resend, invitation_id, instance=house.name, caller=caller, now=context.clock()
    )


async def invited(context: Context, secret: str, *, caller: Caller | None) -> InvitationRecord:
    """Return what a link invites to, changing nothing. Raises as `service.show_invitation` does."""
    return await context.database.read(service.show_invitation, secret, caller=caller, now=context.clock())


async def accept(
    context: Context, secret: str, attributes: Mapping[str, Any], *, caller: Caller | None, address: str
) -> Submitted:
    """Accept an invitation and carry out what comes of it as far as it goes. Raises as `service.accept` does."""
    now = context.clock()
    login = await context.database.read(service.invited_login, secret, attributes, caller=caller, now=now)
    user, house = await directory_of(context).find_by_login(login), await house_of(context)
    taken = await context.database.write(
        service.accept, secret, attributes, caller=caller, address=address, user=user, house=house, now=now
    )
    return Submitted(await provision(context, taken.request.id), taken.secret)


async def grant_role(
    context: Context, company_id: str, contact_id: str, *, administrator: bool, caller: Caller
) -> RoleRecord:
    """Grant a role to a contact, in the directory as soon as it answers. Raises as `service.grant_role` does."""
    made, user_id = await context.database.write(
        service.grant_role, company_id, contact_id, administrator=administrator, caller=caller, now=context.clock()
    )
    await tell_directory(context, user_id, actor=caller.actor)
    return made


async def revoke_role(context: Context, role_id: str, *, caller: Caller) -> None:
    """Take a role from a contact, in the directory as soon as it answers. Raises as `service.revoke_role` does."""
    user_id = await context.database.write(service.revoke_role, role_id, caller=caller, now=context.clock())
    if user_id is not None:
        await tell_directory(context, user_id, actor=caller.actor)


async def tell_directory(context: Context, user_id: str, *, actor: Actor) -> ExchangeError | None:
    """Bring a person's groups in the directory to what the roles say; return why it could not be done.

    The worker goes on with what is left, also where this process ends in between.
    """
    for sync_id in await context.database.read(service.owed, user_id):
        if (error := await _tell(context, sync_id, actor)) is not None:
            return error
    return None


async def tell_due(context: Context) -> None:
    """Tell the directory what is due; where it does not answer, the rest waits for the next turn."""
    for sync_id in await context.database.read(service.owed_by_now, context.clock(), BATCH):
        if isinstance(await _tell(context, sync_id, SYSTEM), Unavailable):
            return


async def provision(context: Context, request_id: str) -> RequestRecord:
    """Carry out the steps of an approved request that are left, whoever else is at them; return how it stands then.

    Each step is done first and recorded then, and doing it again is one effect. A directory that cannot be reached, or
    that refuses, leaves the request ``ORA_CSS_FAILED`` with the cause. Whoever approved and the worker may be at the
    same step: one of them then meets what the other has just made, so a conflict counts once it is met again.
    """
    directory, met = directory_of(context), None
    while (work := await context.database.read(service.next_work, request_id)) is not None:
        try:
            if work.step is ProvisioningStep.GROUPS and not await _in_groups(context, work):
                break  # somebody else is at it, and the worker goes on
            await _step(context, directory, work)
        except (Conflict, NotFound, Unavailable) as error:
            if isinstance(error, Conflict) and met is not work.step:
                met = work.step
                continue
            await context.database.write(service.failed, request_id, work.step, error, now=context.clock())
            break
    return await context.database.read(service.standing, request_id)


async def provision_due(context: Context) -> None:
    """Go on with every approved request whose steps are not all done."""
    for request_id in await context.database.read(service.unfinished, BATCH):
        await provision(context, request_id)


async def screen_due(context: Context) -> None:
    """Write to the mailboxes of the requests that came in from strangers."""
    house = await house_of(context)
    for request_id, login in await context.database.read(service.unscreened, BATCH):
        user = await directory_of(context).find_by_login(login)
        await context.database.write(service.screen, request_id, user=user, instance=house.name, now=context.clock())


async def tend(context: Context) -> None:
    """Let time act: requests expire, whoever is to act is reminded."""
    house = await house_of(context)
    await context.database.write(service.expire, house=house, now=context.clock())
    await context.database.write(service.remind, house=house, now=context.clock())


async def house_of(context: Context) -> House:
    """Return what mails say of this instance."""

    def name(session: Session) -> str:
        found = instance.get(session)
        return found.name if found else context.settings.issuer.partition("://")[2]

    return House(await context.database.read(name), context.settings.issuer)


async def _step(context: Context, directory: Directory, work: Work) -> None:
    database, now = context.database, context.clock()
    user_id: str | None = None
    if work.step is ProvisioningStep.RECORDS:
        if await directory.mirror(work.user_id) is None:
            raise NotFound("The directory does not know this user or group (any more)", code="directory_unknown")
        await database.write(service.store_records, work.request_id, now=now)
        return
    if work.step is ProvisioningStep.WELCOME:
        house = await house_of(context)
        await database.write(service.finish, work.request_id, instance=house.name, embedded=directory.embedded, now=now)
        return
    if work.step is ProvisioningStep.USER and work.new_user is not None:
        user_id = (await directory.create_inactive(work.new_user, actor=work.actor)).id
    elif work.step is ProvisioningStep.ACTIVATION and work.new_user is not None:
        await directory.activate(work.user_id, actor=work.actor)
    await database.write(service.done, work.request_id, work.step, user_id=user_id, now=now)


async def _in_groups(context: Context, work: Work) -> bool:
    """Tell the directory the roles, and whether it knows all of them now. Raises what it answers.

    Somebody else may be telling it the same, mostly the worker: whoever approved waits a moment for that.
    """
    for _ in range(_LOOKS):
        error = await tell_directory(context, work.user_id, actor=work.actor)
        if error is not None:
            raise error
        if not await context.database.read(service.owed, work.user_id):
            return True
        await sleep(_PAUSE)
    return False


async def _tell(context: Context, sync_id: str, actor: Actor) -> ExchangeError | None:
    directory, again, error = directory_of(context), True, None
    while again:
        claimed = await context.database.write(service.claim, sync_id, now=context.clock())
        if claimed is None:
            return None
        tell, error = directory.grant if claimed.granted else directory.revoke, None
        try:
            await tell(claimed.user_id, claimed.role, actor=actor)
        except (Conflict, NotFound, Unavailable) as failure:
            error = failure
        again = await context.database.write(service.settle, claimed, error, now=context.clock())
    return error


async def _user(context: Context, request_id: str) -> DirectoryUser | None:
    """Return whom the LoginId of a request finds. What another directory says of stamps is looked up with it."""
    directory = directory_of(context)
    user = await directory.find_by_login(await context.database.read(service.login_of, request_id))
    if not directory.embedded:
        for stamp in await context.database.read(service.stamps_of, request_id):
            await directory.mirror(stamp)
    return user
