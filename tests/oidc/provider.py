"""An identity provider on a real port, written from OpenID Connect Core 1.0 and Discovery 1.0, that can be made to lie.

As strict as they ask towards its clients: exact redirect addresses, codes that work once for who asked, PKCE with S256,
client authentication. What it says is true until a test sets one of its lies.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

Claims = dict[str, Any]
CLIENT, SECRET = "exchange", "s3cret: 100% of it + more"


@cache
def key_named(kid: str, kind: str = "RSA") -> Any:
    """Return the private key a provider calls ``kid``; the same one each time, as making one takes long."""
    stated = {"kid": kid, "use": "sig"}
    if kind == "RSA":
        return RSAKey.generate_key(2048, parameters=stated)
    return ECKey.generate_key("P-256", stated) if kind == "EC" else OKPKey.generate_key("Ed25519", stated)


def plain(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def encoded(document: Any) -> str:
    return plain(json.dumps(document).encode())


def signed(claims: Claims, key: Any, *, algorithm: str = "RS256", **header: Any) -> str:
    """Return a token; header members set to None are left out."""
    members = {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | header
    members = {name: value for name, value in members.items() if value is not None}
    return jws.serialize_compact(members, json.dumps(claims), key, algorithms=[algorithm])


def unsigned(claims: Claims) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims)}."


def by_public_key(claims: Claims) -> str:
    """The published key taken for a shared secret."""
    pem = key_named("first").as_pem(private=False)
    head = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'first'})}.{encoded(claims)}"
    return f"{head}.{plain(hmac.digest(pem, head.encode(), hashlib.sha256))}"


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    nonce: str
    challenge: str
    subject: str


@dataclass
class IdentityProvider:
    """``accounts``: claims by subject. ``now``: unix seconds."""

    issuer: str
    now: Callable[[], float]
    redirect_uris: set[str] = field(default_factory=set)
    clients: dict[str, str | None] = field(default_factory=lambda: {CLIENT: SECRET})
    accounts: dict[str, Claims] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: key_named("first"))
    published: list[Any] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    ways: list[str] = field(default_factory=list)
    """How clients authenticated."""
    codes: dict[str, Grant] = field(default_factory=dict)
    metadata_lies: dict[str, Any] = field(default_factory=dict)
    claims_lies: Claims = field(default_factory=dict)
    answer_lies: dict[str, str | None] = field(default_factory=dict)
    answers: dict[str, Callable[[], Response]] = field(default_factory=dict)
    """What a path answers instead."""
    checks_pkce: bool = True
    sign: Callable[[Claims], str] | None = None

    @property
    def app(self) -> Starlette:
        paths = {
            "/.well-known/openid-configuration": self._metadata,
            "/keys": self._keys,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._userinfo,
        }

        def route(path: str, work: Any) -> Route:
            async def answered(request: Request) -> Response:
                self.asked[path] += 1
                instead = self.answers.get(path)
                return instead() if instead else await work(request)

            return Route(path, answered, methods=["POST" if path == "/token" else "GET"])

        return Starlette(routes=[route(path, work) for path, work in paths.items()])

    async def visited(self, url: str, subject: str | None) -> str:
        """Go to ``url`` with a browser signed in here as ``subject``; return where it is sent to."""
        cookies = {} if subject is None else {"account": subject}
        async with httpx.AsyncClient(cookies=cookies, verify=False) as browser:
            answer = await browser.get(url)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def _metadata(self, _request: Request) -> Response:
        at = self.issuer
        found = {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize?tenant=one",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            "userinfo_endpoint": f"{at}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(_told(found, self.metadata_lies))

    async def _keys(self, _request: Request) -> Response:
        keys = self.published or [self.key]
        return JSONResponse({"keys": [key.as_dict(private=False) for key in keys]})

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        if asked["client_id"] not in self.clients or asked["redirect_uri"] not in self.redirect_uris:
            return PlainTextResponse("This client or its redirect address is not registered", 400)
        assert (asked["response_type"], asked["code_challenge_method"], asked["tenant"]) == ("code", "S256", "one")
        assert "openid" in asked["scope"].split()
        subject = request.cookies.get("account")
        told: dict[str, Any] = {"state": asked["state"], "iss": self.issuer}
        if subject is None:
            told["error"] = "access_denied"
        else:
            code = secrets.token_urlsafe(8)
            members = (asked[name] for name in ("client_id", "redirect_uri", "nonce", "code_challenge"))
            self.codes[code] = Grant(*members, subject)
            told["code"] = code
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(_told(told, self.answer_lies))}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        client_id = self._client(request, form)
        if client_id is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        grant = self.codes.pop(form["code"], None)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        proven = not self.checks_pkce or grant is None or plain(verifier) == grant.challenge
        if grant is None or not proven or (grant.client_id, grant.redirect_uri) != (client_id, form["redirect_uri"]):
            return JSONResponse({"error": "invalid_grant", "error_description": "no"}, 400)
        id_token = self._id_token(grant)
        return JSONResponse(
            {"access_token": f"access.{grant.subject}", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}
        )

    def _client(self, request: Request, form: dict[str, str]) -> str | None:
        way, _, given = request.headers.get("authorization", "").partition(" ")
        if way == "Basic":
            client_id, _, secret = base64.b64decode(given).decode().partition(":")
            client_id, secret = unquote_plus(client_id), unquote_plus(secret)
        else:
            client_id, secret, way = form["client_id"], form.get("client_secret", ""), "post"
        self.ways.append(way if secret else "none")
        return client_id if client_id in self.clients and (self.clients[client_id] or "") == secret else None

    def _id_token(self, grant: Grant) -> str:
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "sub": grant.subject,
            "aud": grant.client_id,
            "exp": now + 300,
            "iat": now,
            "nonce": grant.nonce,
            **self.accounts.get(grant.subject, {}),
        }
        claims = _told(claims, self.claims_lies)
        return self.sign(claims) if self.sign else signed(claims, self.key)

    async def _userinfo(self, request: Request) -> Response:
        subject = request.headers.get("authorization", "").removeprefix("Bearer access.")
        return JSONResponse({"sub": subject, **self.accounts.get(f"{subject} (userinfo)", {})})


def _told(truth: dict[str, Any], lies: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (truth | lies).items() if value is not None}
