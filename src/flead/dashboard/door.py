"""Sign-in where a password is set: people by a form and a cookie, programs by a token."""

import base64
import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

COOKIE = "flead_session"
SESSION_SECONDS = 12 * 3600
FAILURES, WITHIN_SECONDS = 5, 60.0
"""After this many wrong passwords within this time, an address has to wait until they have expired."""
MOST_REMEMBERED = 10_000
LONGEST_FORM = 4096
OPEN = ("/healthz", "/sign-in", "/assets/")
"""What is served without a password: it shows nothing of the fleet."""

Clock = Callable[[], float]


class Failures:
    """Wrong passwords by address."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._of: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Seconds until this address may try again; 0: now."""
        now = self._clock()
        recent = [at for at in self._of.get(address, []) if now - at < WITHIN_SECONDS]
        return 0 if len(recent) < FAILURES else math.ceil(recent[-FAILURES] + WITHIN_SECONDS - now)

    def add(self, address: str) -> None:
        """One more from this address."""
        self._of[address] = [*self._of.pop(address, []), self._clock()][-FAILURES:]
        while len(self._of) > MOST_REMEMBERED:
            self._of.popitem(last=False)


class Door:
    """Admits whoever knows the password, of which only a digest is kept."""

    def __init__(self, password: str, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._salt = secrets.token_bytes(16)
        self._digest = self._hash(password)
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._failures = Failures(clock)

    def _hash(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode("utf-8", "surrogateescape"), key=self._salt).digest()

    def _is_right(self, password: str) -> bool:
        return hmac.compare_digest(self._hash(password), self._digest)

    def answer(self, request: Request) -> Response | None:
        """None lets the request pass; a websocket's request too has a path, headers and cookies."""
        path = request.url.path
        if path.startswith(OPEN) or self._has_session(request):
            return None
        given = _token(request)
        if given is None:
            return self._ask(request)
        address = _address(request)
        if wait := self._failures.wait(address):
            return _too_many(wait)
        if self._is_right(given):
            return None
        self._failures.add(address)
        return JSONResponse({"detail": "the token is wrong"}, 401, {"WWW-Authenticate": "Bearer"})

    def _ask(self, request: Request) -> Response:
        path = request.url.path
        if path.startswith(("/api", "/metrics")) or "text/html" not in request.headers.get("accept", ""):
            detail = "send the viewer's password as 'Authorization: Bearer ...'"
            return JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": "Bearer"})
        return RedirectResponse(f"/sign-in?next={quote(path, safe='/')}", 303)

    async def sign_in(self, request: Request) -> Response:
        """The form, and what it sends."""
        to = request.query_params.get("next", "/")
        to = to if to.startswith("/") and not to.startswith(("//", "/\\")) else "/"
        if request.method != "POST":
            return _form(to)
        if wait := self._failures.wait(_address(request)):
            return _form(to, f"Too many wrong passwords. Try again in {wait} s.", 429, {"Retry-After": str(wait)})
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_FORM:
                return _form(to, "That is longer than any password.", 413)
        given = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
        if not self._is_right(given):
            self._failures.add(_address(request))
            return _form(to, "That is not the password.", 401)
        response = RedirectResponse(to, 303)
        response.set_cookie(
            COOKIE, self._new_session(), max_age=SESSION_SECONDS, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    def _new_session(self) -> str:
        session = secrets.token_urlsafe(32)
        self._sessions[session] = self._clock() + SESSION_SECONDS
        while len(self._sessions) > MOST_REMEMBERED:
            self._sessions.popitem(last=False)
        return session

    def _has_session(self, request: Request) -> bool:
        # The sessions are 256 random bits: how long a look-up takes tells nothing about another's.
        return self._sessions.get(_cookie(request), -math.inf) > self._clock()


def _cookie(request: Request) -> str:
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _token(request: Request) -> str | None:
    """The password as a bearer token or, for what knows nothing better, of HTTP's basic form."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode("utf-8", "replace").partition(":")[2]
        except ValueError:
            return ""
    return None


def _address(request: Request) -> str:
    return request.client.host if request.client else "?"


def _too_many(wait: int) -> Response:
    detail = f"too many wrong passwords: try again in {wait} s"
    return JSONResponse({"detail": detail}, 429, {"Retry-After": str(wait)})


def _form(to: str, trouble: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Response:
    said = f'<p class="trouble" role="alert">{escape(trouble)}</p>' if trouble else ""
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en-US"><head><meta charset="utf-8"><title>Sign in · FLEAD</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="/assets/flead.js"></script>
<link rel="stylesheet" href="/assets/theme.css"><link rel="stylesheet" href="/assets/sign-in.css"></head>
<body><main><h1>FLEAD</h1>
<form method="post" action="/sign-in?next={quote(to, safe="/")}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
{said}<button type="submit">Sign in</button></form></main></body></html>
""",
        status,
        {"cache-control": "no-store", **(headers or {})},
    )
