"""Messages shown once, on the page after a redirect, carried by a signed cookie of a minute's life."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from shared.interface.cookies import cookie_name

Tone = Literal["info", "success", "warning", "error"]

_LIFE_SECONDS = 60
_TEXT_LIMIT = 600
_CONTEXT = b"service-exchange-console-flash-v1\0"


@dataclass(frozen=True, slots=True)
class FlashMessage:
    """One sentence for the person, and how it is meant."""

    tone: Tone
    text: str


class Flashes:
    """Writes and reads the cookie. ``secret`` is any stable secret of the instance, ``clock`` gives unix seconds.

    Signed, because a message is our word: a neighbour host that can set cookies must not speak in our name. Nothing
    secret may be put into a message.
    """

    def __init__(
        self, secret: bytes, *, instance_id: str, secure: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = hmac.digest(secret, _CONTEXT + instance_id.encode(), hashlib.sha256)
        self._name = cookie_name("flash", instance_id, secure=secure)
        self._secure = secure
        self._clock = clock

    def add(self, response: Response, *messages: FlashMessage) -> None:
        """Leave messages for the next page. Texts over 600 characters are cut; a second call replaces the first."""
        expires = int(self._clock()) + _LIFE_SECONDS
        payload = json.dumps([expires, *([message.tone, message.text[:_TEXT_LIMIT]] for message in messages)])
        body = base64.urlsafe_b64encode(payload.encode()).decode("ascii")
        response.set_cookie(
            self._name,
            f"{body}.{self._signature(body)}",
            max_age=_LIFE_SECONDS,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def read(self, request: Request) -> list[FlashMessage]:
        """The messages waiting in the request; none if there are none, or they are forged, broken or too old."""
        body, _, signature = request.cookies.get(self._name, "").rpartition(".")
        if not body or not hmac.compare_digest(self._signature(body).encode(), signature.encode("utf-8", "replace")):
            return []
        expires, *pairs = json.loads(base64.urlsafe_b64decode(body))
        if self._clock() > expires:
            return []
        return [FlashMessage(tone, text) for tone, text in pairs]

    def clear(self, response: Response) -> None:
        """Forget the messages: they have been shown."""
        response.delete_cookie(self._name, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _signature(self, body: str) -> str:
        return hmac.new(self._key, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
