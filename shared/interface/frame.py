"""What stands around every page: who we are, where one can go, who is signed in."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One place to go. ``count`` is shown beside it when set, for instance open issues; ``icon`` names an icon."""

    text: str
    href: str
    icon: str = ""
    count: int | None = None


@dataclass(frozen=True, slots=True)
class NavigationGroup:
    """Places under one heading; an empty title shows none."""

    title: str
    items: Sequence[NavigationItem]


@dataclass(frozen=True, slots=True)
class Account:
    """The person signed in, and where they can look after themselves and leave (by POST)."""

    name: str
    detail: str
    sign_out_action: str
    links: Sequence[NavigationItem] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """One request's surroundings; a page before sign-in has no navigation and no account.

    ``csrf_token`` is empty where there is no session. ``language`` is the person's choice, or None to follow
    the browser. ``notice`` is a sentence for a banner on every page, for instance that a password is still temporary.
    """

    instance_name: str
    navigation: Sequence[NavigationGroup] = field(default_factory=tuple)
    account: Account | None = None
    csrf_token: str = ""
    language: str | None = None
    notice: str = ""

    def current_href(self, path: str) -> str:
        """The navigation entry the path belongs to: the longest that is the path or leads to it; else empty.

        The start page leads everywhere, so "/" is current only on itself.
        """
        entries = [item.href for group in self.navigation for item in group.items]
        matching = [href for href in entries if path == href or (href != "/" and path.startswith(href + "/"))]
        return max(matching, key=len, default="")
