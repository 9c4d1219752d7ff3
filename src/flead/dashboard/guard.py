"""Safe by default: what every answer carries, and who may ask."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

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
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Guard:
    """Adds the security headers, and refuses what another site's page makes a browser ask.

    On a loopback address the Host must be one too: else a page elsewhere could point its own name at this machine
    (DNS rebinding) and read what it shows. A browser tells the origin of a websocket, which must be this host.
    """

    def __init__(self, application: Application, host: str) -> None:
        self._application = application
        self._only_loopback = host in LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif not self._is_allowed(scope):
            await _refuse(scope["type"], send)
        else:
            await self._application(scope, receive, _with_headers(send))

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
