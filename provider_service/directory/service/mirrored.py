"""People of the other directory, as far as they are needed here: for sessions, roles, and to be named in the trail.

A row follows what that directory says. It has no password, and nobody finds it by address or login: equal addresses
make nobody the same person.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.audit.domain import SYSTEM
from provider_service.directory import store
from provider_service.directory.domain import AtDirectory, DirectoryPerson, Person
from provider_service.directory.service.people import changed, person_of
from provider_service.directory.tables import User
from provider_service.mail.domain import canonical_address
from shared.wire.errors import Conflict, Invalid


def mirror_person(session: Session, said: DirectoryPerson, *, now: datetime) -> Person:
    """Keep a person as the other directory has them; whom it has not active is shut out here, until it has again.

    Raises `Conflict` (``directory_unusable``) where it calls somebody by the id of a person of this instance's own.
    """
    user = store.mirrored_user(session, said.id, now)
    before = person_of(user, store.roles(session, [said.id])[said.id])
    if before.at_directory is None:
        raise Conflict(
            "The directory calls somebody by the id of a person of this instance's own",
            code="directory_unusable",
            cause=f"Two people would be one: {said.id[:60]!a}.",
            fix="Have that user made anew there.",
        )
    user.email, user.login, user.name = _address(said.email), said.login, said.name
    if not before.login:  # made just now
        user.language = said.language
    return _stand(session, user, before, AtDirectory.ACTIVE if said.active else AtDirectory.INACTIVE, now)


def mirror_standing(session: Session, user_id: str, standing: AtDirectory, *, now: datetime) -> None:
    """Keep how the other directory has a person; nothing is done about somebody who is not known here, or is ours."""
    user = store.user(session, user_id, lock=True)
    if user is not None and user.at_directory is not None:
        _stand(session, user, person_of(user, store.roles(session, [user_id])[user_id]), standing, now)


def mirrored_inside(session: Session, *, now: datetime) -> list[str]:
    """Return the ids of people of the other directory who have a session or a token here."""
    return list(store.mirrored_inside(session, now))


def _address(said: str) -> str:
    try:
        return canonical_address(said)
    except Invalid:
        return ""


def _stand(session: Session, user: User, before: Person, standing: AtDirectory, now: datetime) -> Person:
    was, user.at_directory = before.at_directory, standing
    if standing is not AtDirectory.ACTIVE:
        user.active = False
        store.end_sessions(session, user.id)
    elif was is not AtDirectory.ACTIVE:  # whom it had active already, and is not here, was shut out here
        user.active = True
    action = "user.updated" if before.login else "user.mirrored"
    return changed(session, user, before=before, roles=before.roles, action=action, actor=SYSTEM, now=now)
