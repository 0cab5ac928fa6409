"""Another directory behind the port, asked over SCIM 2.0 (RFC 7644); scim2-models spells what we send.

Every call passes the egress guard, follows no redirect, and is bounded. Of an answer we read only what we act on, as
such services add attributes of their own.
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic import ValidationError
from scim2_models import Context as Phase
from scim2_models import Email, Group, Name, PatchOp, PatchOperation, User

from provider_service.audit import service as audit
from provider_service.audit.domain import Actor
from provider_service.context import Context
from provider_service.directory import service as directory
from provider_service.directory.domain import AtDirectory, DirectoryPerson
from provider_service.identity.domain import DirectoryUser, NewUser
from provider_service.settings import DirectoryKey
from shared.transport.client import Answer
from shared.transport.errors import CallFailed, EgressRefused
from shared.wire import strict_json
from shared.wire.errors import Conflict, MalformedJson, NotFound, Unavailable

MEDIA_TYPE: Final = "application/scim+json"
SUBJECT: Final = "directory_user"
"""What the audit trail calls a user of another directory."""

_MEMBERS: Final = ("id", "externalId", "userName", "active", "displayName", "preferredLanguage")
_DETAIL: Final = 300
_NAME: Final = 200
_LONGEST_WAIT: Final = 3600


class RemoteDirectory:
    """`provider_service.identity.domain.Directory` on a SCIM service; its welcome mail is its own to send."""

    embedded = False

    def __init__(self, context: Context) -> None:
        self._context = context
        self._base = context.settings.directory_url.rstrip("/")

    async def find_by_login(self, login: str) -> DirectoryUser | None:
        """Return the user with a login. Raises `Conflict` (``directory_ambiguous``) where there are several."""
        return await self.find_by("userName", login)

    async def find_by(self, attribute: DirectoryKey, value: str) -> DirectoryUser | None:
        """Return the user whose attribute has a value. Raises `Conflict` (``directory_ambiguous``) for several."""
        if attribute == "id":
            resources = await self._by_id(value)
        else:
            resources = await self._listed("Users", attribute, value)
        fold = str.casefold if attribute == "userName" else str
        found = [_user(one) for one in resources if fold(str(one.get(attribute, ""))) == fold(value)]
        if len(found) > 1:
            raise Conflict(f"The directory has several users with this {attribute}", code="directory_ambiguous")
        return found[0] if found else None

    async def mirror(self, user_id: str) -> DirectoryUser | None:
        """Return the user with a GUID, and keep here what the directory says of them: whom it shuts out is out."""
        found = await self.find_by("id", user_id)
        if found is not None:
            await self.keep(found)
        else:
            await self._keep_standing(user_id, AtDirectory.GONE)
        return found

    async def keep(self, user: DirectoryUser) -> None:
        """Keep here what the directory has just said of a user. Raises `Conflict` (``directory_unusable``)."""
        said = DirectoryPerson(user.id, user.login, user.email, user.name, user.language, user.active)
        await self._context.database.write(directory.mirror_person, said, now=self._context.clock())

    async def create_inactive(self, user: NewUser, *, actor: Actor) -> DirectoryUser:
        """Make an inactive user, or find the one an earlier attempt has made. Raises `Conflict` (``login_taken``)."""
        answer = await self._ask("POST", "/Users", _new(user), also=(409,))
        if answer.status == 409:
            return await self._made_before(user)
        made = _user(_object(answer))
        await self._note("directory_user.created", made.id, {"login": made.login, "reference": user.reference}, actor)
        if made.active:  # it did not listen
            await self.deactivate(made.id, actor=actor)
        return made

    async def activate(self, user_id: str, *, actor: Actor) -> None:
        """Let a user sign in."""
        await self._set_active(user_id, active=True, actor=actor)

    async def deactivate(self, user_id: str, *, actor: Actor) -> None:
        """Shut a user out."""
        await self._set_active(user_id, active=False, actor=actor)

    async def grant(self, user_id: str, group: str, *, actor: Actor) -> None:
        """Put a user into a group, which is made where there is none."""
        group_id = await self._group(group) or await self._new_group(group)
        add = PatchOperation[Group](op=PatchOperation.Op.add, path="members", value=[{"value": user_id}])
        await self._ask("PATCH", f"/Groups/{quote(group_id, safe='')}", _patch(PatchOp[Group](operations=[add])))
        await self._note("directory_user.group_granted", user_id, {"group": group}, actor)

    async def revoke(self, user_id: str, group: str, *, actor: Actor) -> None:
        """Take a user out of a group."""
        group_id = await self._group(group)
        if group_id is None:
            return
        path = f"members[value eq {_literal(user_id)}]"
        remove = PatchOperation[Group](op=PatchOperation.Op.remove, path=path)
        body = _patch(PatchOp[Group](operations=[remove]))
        answer = await self._ask("PATCH", f"/Groups/{quote(group_id, safe='')}", body, also=(400, 404))
        if answer.status == 400 and _told(answer).get("scimType") != "noTarget":  # it was not in it: as it should be
            raise _refused(answer)
        await self._note("directory_user.group_revoked", user_id, {"group": group}, actor)

    async def _made_before(self, user: NewUser) -> DirectoryUser:
        found = await self.find_by_login(user.login)
        if found is not None and found.reference == user.reference:
            return found
        raise Conflict(
            "The login or mail address belongs to somebody else in the directory",
            code="login_taken",
            fix="Let the person ask for another login, or have the directory's user looked at.",
        )

    async def _set_active(self, user_id: str, *, active: bool, actor: Actor) -> None:
        change = PatchOperation[User[Any]](op=PatchOperation.Op.replace_, path="active", value=active)
        await self._ask("PATCH", f"/Users/{quote(user_id, safe='')}", _patch(PatchOp[User[Any]](operations=[change])))
        await self._note("directory_user.updated", user_id, {"active": active}, actor)
        await self._keep_standing(user_id, AtDirectory.ACTIVE if active else AtDirectory.INACTIVE)

    async def _keep_standing(self, user_id: str, standing: AtDirectory) -> None:
        await self._context.database.write(directory.mirror_standing, user_id, standing, now=self._context.clock())

    async def _by_id(self, user_id: str) -> list[Mapping[str, Any]]:
        answer = await self._ask("GET", f"/Users/{quote(user_id, safe='')}", also=(404,))
        return [] if answer.status == 404 else [_object(answer)]

    async def _group(self, name: str) -> str | None:
        found = [
            _text(resource, "id")
            for resource in await self._listed("Groups", "displayName", name)
            if str(resource.get("displayName", "")).casefold() == name.casefold()
        ]
        if len(found) > 1:
            raise Conflict("The directory has several groups of this name", code="directory_ambiguous")
        return found[0] if found else None

    async def _new_group(self, name: str) -> str:
        body = Group(display_name=name).model_dump(scim_ctx=Phase.RESOURCE_CREATION_REQUEST)
        answer = await self._ask("POST", "/Groups", body, also=(409,))
        if answer.status == 409:  # somebody made it in the same moment, or it is not ours to see
            found = await self._group(name)
            if found is None:
                raise _refused(answer)
            return found
        return _text(_object(answer), "id")

    async def _listed(self, kind: str, attribute: str, value: str) -> list[Mapping[str, Any]]:
        wanted = quote(f"{attribute} eq {_literal(value)}", safe="")
        answer = _object(await self._ask("GET", f"/{kind}?filter={wanted}&count=10"))
        resources = answer.get("Resources", answer.get("resources", []))
        if not isinstance(resources, list):
            raise _unusable("its list is no list")
        return [one for one in resources if isinstance(one, dict)]

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, also: tuple[int, ...] = ()
    ) -> Answer:
        """Return the answer, if it is a success or one of ``also``; raise as the port says otherwise."""
        token = self._context.settings.directory_token.get_secret_value()
        headers = [("authorization", f"Bearer {token}"), ("accept", MEDIA_TYPE)]
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers.append(("content-type", MEDIA_TYPE))
        try:
            answer = await self._context.peers.fetch(method, self._base + path, headers=headers, body=sent)
        except EgressRefused as error:
            raise Conflict(
                "The directory may not be called", code="directory_refused", cause=error.detail, fix=error.fix
            ) from error
        except CallFailed as error:
            raise _unavailable(error.detail) from error
        if 200 <= answer.status < 300 or answer.status in also:
            return answer
        if answer.status == 404:
            raise NotFound("The directory does not know this user or group (any more)", code="directory_unknown")
        if answer.status == 429 or answer.status >= 500:
            raise _unavailable(f"It answered with status {answer.status}.", _wait(answer))
        raise _refused(answer)

    async def _note(self, action: str, user_id: str, after: dict[str, Any], actor: Actor) -> None:
        await self._context.database.write(
            audit.record,
            actor=actor,
            action=action,
            subject_type=SUBJECT,
            subject_id=user_id,
            after=after,
            now=self._context.clock(),
        )


def _new(user: NewUser) -> dict[str, Any]:
    given, _, family = user.name.rpartition(" ")  # some services insist on both parts
    resource = User[Any](
        external_id=user.reference,
        user_name=user.login,
        display_name=user.name,
        name=Name(formatted=user.name, given_name=given or None, family_name=family),
        preferred_language=user.language,
        active=False,
        emails=[Email(value=user.email, type=Email.Type.work, primary=True)],
    )
    return resource.model_dump(scim_ctx=Phase.RESOURCE_CREATION_REQUEST)


def _patch(operations: Any) -> dict[str, Any]:
    body: dict[str, Any] = operations.model_dump(scim_ctx=Phase.RESOURCE_PATCH_REQUEST)
    return body


def _literal(value: str) -> str:
    """Return a string of a filter, in which JSON's escapes count (RFC 7644 section 3.4.2.2)."""
    return json.dumps(value, ensure_ascii=False)


def _user(resource: Mapping[str, Any]) -> DirectoryUser:
    emails = [one for one in resource.get("emails") or [] if isinstance(one, dict) and one.get("value")]
    first = next((one for one in emails if one.get("primary") is True), emails[0] if emails else {})
    known = {name: resource[name] for name in _MEMBERS if name in resource}
    try:
        user = User[Any].model_validate({**known, "emails": [{"value": first["value"]}] if first else None})
    except (ValidationError, TypeError) as error:
        raise _unusable("what it says of a user cannot be read") from error
    if not user.id or not user.user_name:
        raise _unusable("a user has no id or no login")
    email = str(user.emails[0].value) if user.emails else ""
    name = "".join(sign for sign in user.display_name or "" if sign.isprintable())[:_NAME] or user.user_name
    language = (user.preferred_language or "")[:2].lower()
    return DirectoryUser(
        id=user.id,
        login=user.user_name,
        email=email,
        active=user.active is not False,
        reference=user.external_id,
        name=name,
        language=language if language.isascii() and len(language) == 2 and language.isalpha() else "en",
    )


def _object(answer: Answer) -> Mapping[str, Any]:
    found = _told(answer)
    if not found:
        raise _unusable("its answer cannot be read")
    return found


def _told(answer: Answer) -> Mapping[str, Any]:
    try:
        found = strict_json.decode(answer.body)
    except MalformedJson:
        return {}
    return found if isinstance(found, dict) else {}


def _text(resource: Mapping[str, Any], name: str) -> str:
    found = resource.get(name)
    if not isinstance(found, str) or not found:
        raise _unusable(f"a resource has no {name}")
    return found


def _wait(answer: Answer) -> int | None:
    given = answer.header("retry-after") or ""
    return min(int(given), _LONGEST_WAIT) if given.isascii() and given.isdigit() else None


def _refused(answer: Answer) -> Conflict:
    said = "".join(sign for sign in str(_told(answer).get("detail", "")) if sign.isprintable())[:_DETAIL]
    return Conflict(
        "The directory refuses",
        code="directory_refused",
        cause=f"It answered with status {answer.status}" + (f": {said}" if said else "."),
        fix="For 401 or 403, see what its token may (DIRECTORY_TOKEN); else ask whoever runs the directory.",
    )


def _unavailable(why: str, retry_after: int | None = None) -> Unavailable:
    return Unavailable(
        "The directory does not answer", code="directory_unavailable", cause=why, retry_after=retry_after
    )


def _unusable(why: str) -> Conflict:
    return Conflict(
        "The directory's answer cannot be used",
        code="directory_unusable",
        cause=f"{why[:1].upper()}{why[1:]}.",
        fix="Check DIRECTORY_URL: the address of its SCIM 2.0 service, such as https://id.example.com/scim/v2.",
    )
