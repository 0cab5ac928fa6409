"""What stands around every page of this console."""

from fastapi import Request

from consumer_service.console.deps import Around
from consumer_service.directory.domain import Caller
from shared.interface.csrf import csrf_token
from shared.interface.frame import Account, Frame, NavigationGroup, NavigationItem


def frame_of(request: Request) -> Frame:
    """Return the surroundings of one request; without a person signed in there is nowhere to go."""
    caller: Caller | None = getattr(request.state, "caller", None)
    around: Around | None = getattr(request.state, "around", None)
    name = around.instance_name if around else request.app.state.context.settings.issuer.partition("://")[2]
    if caller is None or caller.csrf_secret is None:
        return Frame(instance_name=name)
    return Frame(
        instance_name=name,
        navigation=_navigation(around.open_issues if around else 0),
        account=Account(caller.actor.name, caller.email, "/sign-out"),
        csrf_token=csrf_token(caller.csrf_secret),
        language=caller.language,
    )


def _navigation(open_issues: int) -> list[NavigationGroup]:
    return [
        NavigationGroup(
            "",
            [
                NavigationItem("Overview", "/", "home"),
                NavigationItem("Provider connections", "/provider-connections", "exchange"),
                NavigationItem("Health Dashboard", "/health", "heart", open_issues or None),
            ],
        ),
    ]
