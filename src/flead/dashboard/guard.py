"""Safe by default: what every answer carries, and who may ask."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from flead.dashboard.door import Door
from flead.dashboard.loopback import LOOPBACK

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    # NiceGUI's pages are inline scripts that compile what the server sends; nothing comes from or goes to elsewhere.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Adds the security headers, and refuses what another site's page makes a browser ask.

    On a loopback address the Host must be one too: else a page elsewhere could point its own name at this machine
    (DNS rebinding) and read what it shows. A browser tells the origin of a websocket and of a form, which must be this
    host. ``door`` asks for the password where one is set. On ``streams_port`` the first page is that of the streams.
    """

    def __init__(self, application: Application, host: str, door: Door | None = None, streams_port: int = 0) -> None:
        self._application = application
        self._only_loopback = host in LOOPBACK
        self._door = door
        self._streams_port = streams_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif not self._is_allowed(scope):
            await _refuse(scope["type"], send)
        elif (answer := await self._answer(scope, receive)) is None:
            await self._application(scope, receive, _with_headers(send))
        elif scope["type"] == "http":
            await answer(scope, receive, _with_headers(send))
        else:
            await _refuse("websocket", send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """What the request is answered with before it reaches the application; None: it does."""
        if scope["path"] == "/" and self._streams_port and (scope.get("server") or ("", 0))[1] == self._streams_port:
            return RedirectResponse("/streams", 307)
        if self._door is None:
            return None
        request = Request({**scope, "type": "http", "method": scope.get("method", "GET")}, receive)
        return await self._door.sign_in(request) if scope["path"] == "/sign-in" else self._door.answer(request)

    def _is_allowed(self, scope: Scope) -> bool:
        asked = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"origin")}
        host = asked.get(b"host", "")
        if self._only_loopback and urlsplit(f"//{host}").hostname not in LOOPBACK:
            return False
        return b"origin" not in asked or urlsplit(asked[b"origin"]).netloc == host


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in present]
            message["headers"] = [*message["headers"], *more]
        await send(message)

    return sending


async def _refuse(kind: str, send: Send) -> None:
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    text = b"This viewer answers to the address that it listens on only: open it by that address.\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await _with_headers(send)({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text})
