"""A simulated provider: the handshake from the reveal on, with the browser's page as a function (section 7)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tests.peer.access import Granting
from tests.peer.comparison import Compared, commitment
from tests.peer.connection import Connection
from tests.peer.instance import idempotency_key
from tests.peer.lies import Draft
from tests.peer.registration import REGISTRATIONS, Registration
from tests.peer.rekeying import rekey
from tests.peer.serving import Incoming, Route
from tests.peer.wire import Document, Problem, b64u, new_id, new_nonce, sha256

CALLBACK = "/exchange/v1/oauth/callback"
REQUEST_URI = "urn:ietf:params:oauth:request_uri:"


class Provider(Granting):
    """The provider. Drive it with ``mint``, ``allow`` and ``deny``; look at ``registrations`` and ``connections``."""

    role = "provider"

    def routes(self) -> list[Route]:
        """The calls of the handshake after the announcement."""
        steps: list[tuple[str, Callable[..., Any]]] = [
            ("reveal", self._on_reveal),
            ("authorization", self._on_authorization),
            ("completion", self._on_completion),
            ("cancellation", self._on_cancellation),
        ]
        return [*super().routes(), *(Route("POST", f"{REGISTRATIONS}/{step}", step, handle) for step, handle in steps)]

    def comparison_code(self, registration: Registration) -> str:
        """The code as the provider's page shows it."""
        keys = registration.keys
        if keys is None or not registration.nonce_c:
            raise Problem(409, "reveal_missing")
        instances = (self.instance_id, keys.instance_id)
        identities = (self.keys.active("identity").kid, keys.identity)
        nonces = (registration.nonce_p, registration.nonce_c)
        return Compared(self.issuer, keys.issuer, *instances, *identities, registration.number, *nonces).code()

    def allow(self, request_uri: str, user: str, typed_code: str | None = None) -> str:
        """The contact signs in and allows; the URL the browser is sent to."""
        registration, request = self._pushed(request_uri, user)
        if registration.confirmed_by_code and typed_code != self.comparison_code(registration):
            registration.attempts += 1
            if registration.attempts >= 5:
                del registration.requests[request_uri]
            raise Problem(409, "comparison_failed")
        code = new_nonce()
        registration.codes[code] = request | {"until": self.clock() + 60}
        registration.done.append("authorization")
        del registration.requests[request_uri]
        return self._redirect(request, {"code": code})

    def deny(self, request_uri: str, user: str) -> str:
        """The contact signs in and denies."""
        return self._redirect(self._pushed(request_uri, user)[1], {"error": "access_denied"})

    def _pushed(self, request_uri: str, user: str) -> tuple[Registration, Document]:
        for registration in self.registrations.values():
            request = registration.requests.get(request_uri)
            if request and request["until"] >= self.clock():
                if registration.contact != user:
                    raise Problem(403, "not_found", "another person is expected")
                return registration, request
        raise Problem(404, "not_found", "no such authorization request")

    def _redirect(self, request: Document, result: Document) -> str:
        draft = Draft("redirect", result | {"state": request["state"], "iss": self.issuer}, self.stamp(), self.keys)
        for lie in self.lies.take("redirect", "redirect"):
            if lie.before:
                lie.before(draft)
        return f"{request['redirect_uri']}?{urlencode(draft.document)}"

    async def _on_reveal(self, incoming: Incoming) -> Document:
        registration = self._bound(incoming)
        known = self.repeated(registration.number, incoming)
        if known:
            return known
        nonce_c: Any = incoming.document().get("nonce_c")
        try:
            fits = commitment(nonce_c) == registration.announced["nonce_commitment"]
        except (ValueError, TypeError) as error:
            raise Problem(422, "invalid") from error
        if not fits:
            raise Problem(409, "commitment_mismatch")
        registration.nonce_c = nonce_c
        return self.store(registration.number, incoming, self.status(registration))

    async def _on_authorization(self, incoming: Incoming) -> Document:
        registration = self._bound(incoming)
        known = self.repeated(registration.number, incoming)
        if known:
            return known
        document = incoming.document()
        if not registration.nonce_c or registration.keys is None:
            raise Problem(409, "reveal_missing")
        if document.get("client_id") != registration.keys.instance_id:
            raise Problem(409, "client_mismatch")
        if document.get("redirect_uri") != registration.consumer_url + CALLBACK:
            raise Problem(409, "redirect_mismatch")
        if (document.get("response_type"), document.get("code_challenge_method")) != ("code", "S256"):
            raise Problem(422, "invalid")
        if not all(isinstance(document.get(name), str) for name in ("state", "code_challenge")):
            raise Problem(422, "invalid")
        registration.requests.clear()
        registration.codes.clear()
        registration.attempts = 0
        request_uri = REQUEST_URI + new_nonce()
        registration.requests[request_uri] = document | {"until": self.clock() + 600}
        return self.store(registration.number, incoming, {"request_uri": request_uri, "expires_in": 600})

    async def _on_completion(self, incoming: Incoming) -> Document:
        registration = self._bound(incoming)
        known = self.repeated(registration.number, incoming)
        if known:
            return known
        document = incoming.document()
        self._check_code(registration, document)
        connection = self._open(registration)
        answer = {"connection_id": connection.id, "contact": registration.contact, "settings": self.settings()}
        return self.store(registration.number, incoming, answer)

    def _check_code(self, registration: Registration, document: Document) -> None:
        if registration.confirmed_by_code and document.get("comparison_code") != self.comparison_code(registration):
            raise Problem(409, "comparison_failed")
        request = registration.codes.get(str(document.get("code")))
        if request is None or registration.spent:
            raise Problem(409, "code_invalid")
        if request["until"] < self.clock():
            raise Problem(409, "code_expired")
        if document.get("redirect_uri") != request["redirect_uri"]:
            raise Problem(409, "redirect_mismatch")
        if b64u(sha256(str(document.get("code_verifier")).encode())) != request["code_challenge"]:
            raise Problem(409, "verifier_mismatch")

    def _open(self, registration: Registration) -> Connection:
        keys = registration.keys
        if keys is None:
            raise Problem(409, "reveal_missing")
        announced = registration.announced
        if registration.rekeys:
            connection = self.connections[registration.rekeys]
            rekey(connection, keys, self.settings())
        else:
            connection = Connection(
                new_id(self.clock()),
                self.role,
                keys.issuer,
                keys,
                announced["delivery"],
                self.clock,
                announced["epoch"],
            )
            self.connect(connection)
        registration.connection, registration.spent = connection, True
        registration.codes.clear()
        registration.done.append("completion")
        return connection

    async def _on_cancellation(self, incoming: Incoming) -> Document:
        registration = self._bound(incoming, cancelled_too=True)
        if registration.state == "Closed Complete":
            raise Problem(409, "registration_closed")
        self._close(registration, str(incoming.document().get("reason")))
        return self.status(registration)

    def _close(self, registration: Registration, reason: str) -> None:
        registration.progress, registration.reason = "Closed Incomplete", reason
        if registration.connection:
            registration.connection.closed = reason

    async def cancel(self, registration: Registration, reason: str) -> Document | None:
        """Cancel, and tell a push consumer that announced itself."""
        self._close(registration, reason)
        if registration.keys is None or registration.announced["delivery"] == "pull":
            return None
        return await self.call(
            "POST",
            registration.consumer_url,
            f"/exchange/v1/registrations/{registration.number}/cancellation",
            {"reason": reason},
            step="cancellation",
            find_key=registration.find_key,
            idempotency_key=idempotency_key(),
        )
