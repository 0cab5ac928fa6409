"""What stands around every page of this console: the places the person's roles let them go."""

from collections.abc import Sequence

from fastapi import Request

from consumer_service.console.deps import STAFF, Around
from consumer_service.directory.domain import Caller
from consumer_service.keys.domain import READERS
from shared.interface.csrf import csrf_token
from shared.interface.frame import Account, Frame, NavigationGroup, NavigationItem
from shared.interface.languages import translate as t
from shared.wire.states import Role


def frame_of(request: Request) -> Frame:
    """Return the surroundings of one request; without a person signed in there is nowhere to go."""
    caller: Caller | None = getattr(request.state, "caller", None)
    around: Around | None = getattr(request.state, "around", None)
    name = around.instance_name if around else request.app.state.context.settings.issuer.partition("://")[2]
    if caller is None or caller.csrf_secret is None:
        return Frame(instance_name=name)
    return Frame(
        instance_name=name,
        navigation=[group for group in _groups(request, caller, around) if group.items],
        account=Account(
            caller.actor.name,
            caller.email,
            "/sign-out",
            [NavigationItem(_spoken(request, caller, "My account"), "/account")],
        ),
        csrf_token=csrf_token(caller.csrf_secret),
        language=caller.language,
    )


def _groups(request: Request, caller: Caller, around: Around | None) -> list[NavigationGroup]:
    issues = (around.open_issues or None) if around else None
    staff, admin = not caller.roles.isdisjoint(STAFF), Role.ADMIN in caller.roles
    operator = admin or Role.SN_SB_ADMIN in caller.roles
    places: Sequence[tuple[str, Sequence[tuple[bool, NavigationItem]]]] = (
        (
            "",
            (
                (True, NavigationItem("Overview", "/", "home")),
                (staff, NavigationItem("Provider connections", "/provider-connections", "list")),
                (staff, NavigationItem("Connections", "/connections", "exchange")),
                (staff, NavigationItem("Incidents", "/incidents", "inbox")),
                (operator, NavigationItem("Access requests", "/access-requests", "people")),
            ),
        ),
        (
            "Operation",
            (
                (staff, NavigationItem("Health Dashboard", "/health", "heart", issues)),
                (staff or not caller.roles.isdisjoint(READERS), NavigationItem("Keys", "/keys", "key")),
                (admin, NavigationItem("Audit trail", "/audit", "log")),
            ),
        ),
        (
            "Settings",
            (
                (staff, NavigationItem("Consumer record", "/instance", "gear")),
                (admin or Role.SN_KMF_ADMIN in caller.roles, NavigationItem("Users", "/users", "people")),
                (admin, NavigationItem("Identity providers", "/identity-providers", "key")),
                (True, NavigationItem("API tokens", "/tokens", "copy")),
            ),
        ),
    )
    return [
        NavigationGroup(
            _spoken(request, caller, title) if title else "",
            [
                NavigationItem(_spoken(request, caller, item.text), item.href, item.icon, item.count)
                for seen, item in items
                if seen
            ],
        )
        for title, items in places
    ]


def _spoken(request: Request, caller: Caller, text: str) -> str:
    """The frame is made before the language of the page is set."""
    languages = request.app.state.desk.pages.languages
    with languages.speaking(languages.preferred(caller.language, request.headers.get("accept-language"))):
        return t(text)
