"""The consoles' side of the matrix: which roles a page's form is taken from. Paths, whatever their parts are called."""

from typing import Final

from shared.wire.states import Role
from tests.openapi.matrix import ADMIN, ANYBODY, DESK, KEEPERS, KEY_MANAGERS

STRANGERS: Final = "strangers"
"""Nobody signs in for these: they let somebody in, or what is sent along says enough."""

_Rows = dict[frozenset[Role | None] | str, str]

_BOTH: Final[_Rows] = {
    STRANGERS: "/setup /sign-in /password/forgot /password/set",
    ANYBODY: (
        "/sign-out /account /account/password /account/identities /account/identities/{}/unlink /tokens"
        " /tokens/{}/revoke"
    ),
    ADMIN: (
        "/users /users/{} /users/{}/password-mail /users/{}/password-link /users/{}/identities"
        " /users/{}/identities/{}/unlink /identity-providers /identity-providers/{} /instance /instance/edit"
        " /instance/declaration /instance/test-mail"  # the API sends test mails for operators too
    ),
    KEEPERS: "/users/{}/roles",
    KEY_MANAGERS: "/keys/rotations /keys/rekey /keys/{}/activate /keys/{}/compromise",
    DESK: (
        "/health/validate /health/issues/{}/validate /health/issues/{}/assignment"
        " /health/issues/{}/muting /connections/{}/pause /connections/{}/resume /connections/{}/heartbeat"
        " /connections/{}/suspend /connections/{}/disconnect /connections/{}/history/{}"
        " /connections/{}/messages/{}/replay /connections/{}/messages/{}/skip /incidents/{}/comments"
        " /incidents/{}/bonds /incidents/{}/bonds/{}/disconnect /incidents/{}/bonds/{}/reconnect"
    ),
}

_PROVIDER: Final[_Rows] = {
    STRANGERS: "/sign-up /sign-up/confirm /sign-up/invitation /sign-up/status",
    # of these each use case says who may, by the account: test_privileges and test_isolation of self-service
    ANYBODY: (
        "/requests /requests/decisions /requests/{}/{} /people /invitations /invitations/{}/resend"
        " /invitations/{}/revoke /oauth/authorize"
    ),
    ADMIN: (
        "/options/{} /registrations /registrations/{}/entries /registrations/{}/validation /registrations/{}/link"
        " /registrations/{}/reissue /registrations/{}/resend /registrations/{}/revoke /registrations/{}/reset"
        " /registrations/{}/cancel /registrations/{}/copies /registrations/{}/edit /connections/{}/rekey"
    ),
    DESK: "/companies /companies/{}/edit /companies/{}/contacts /companies/{}/contacts/{}",
}

_CONSUMER: Final[_Rows] = {
    STRANGERS: "/onboarding/token",
    ADMIN: (
        "/onboarding/confirm /provider-connections/{}/connect /provider-connections/{}/confirm"
        " /provider-connections/{}/validate /provider-connections/{}/cancel"
    ),
    DESK: "/access-requests /access-requests/{}/refresh",
}

_ROWS: Final = {"provider": [*_BOTH.items(), *_PROVIDER.items()], "consumer": [*_BOTH.items(), *_CONSUMER.items()]}

TAKEN_FROM: Final = {
    side: {path: roles for roles, paths in rows for path in paths.split()} for side, rows in _ROWS.items()
}
"""By service and path, the roles whose form is taken."""
