"""Notifies another system of new critical alarms: signed, retried until accepted, and without delaying anything else.

The writer puts an alarm down for delivery in the transaction that stores it; a thread here takes what is due, one at a
time, and lets go of the database while it waits for the other side. Delivery is at least once: ``id`` tells
repetitions.
"""

import hashlib
import hmac
import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
from psycopg import Connection

from flead.dashboard.reasons import reason_of_alarm
from flead.records import to_text
from flead.settings.alarms import AlarmSettings
from flead.storage import queries
from flead.storage.queries.alarm_rows import AlarmRow

POLL_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0
LEASE_SECONDS = 60
"""What was taken and neither delivered nor put back within this time is due again: its taker died."""
ATTEMPTS = 16
"""The first pause is 2 s, each next twice as long, none longer than an hour: all of them take about six hours."""
LONGEST_PAUSE = 3600

log = logging.getLogger("flead")


class Webhook:
    """The address of the other system and how to speak to it."""

    def __init__(self, settings: AlarmSettings) -> None:
        assert settings.webhook_url is not None
        self._url = settings.webhook_url.get_secret_value()
        secret = settings.webhook_secret
        self._secret = secret.get_secret_value().encode() if secret else None
        self.host = urlsplit(self._url).netloc.rpartition("@")[2]
        """What may be shown of the address: the rest of it may be a secret."""

    def test(self) -> str | None:
        """Send a test now; None if it was understood, else what went wrong."""
        now = to_text(time.time_ns() // 1_000_000)
        return self.send({"event": "test", "text": "A test from FLEAD: the webhook works.", "sent_at": now})

    def send(self, message: Mapping[str, Any]) -> str | None:
        """Send one message; None if the other side answered with a status from 200 to 299, else what went wrong."""
        body, sent = msgspec.json.encode(message), str(int(time.time()))
        headers = {"Content-Type": "application/json", "User-Agent": "FLEAD", "X-FLEAD-Timestamp": sent}
        if self._secret is not None:
            headers["X-FLEAD-Signature"] = sign(self._secret, sent, body)
        request = urllib.request.Request(self._url, body, headers, method="POST")
        try:
            with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return None if 200 <= answer.status < 300 else f"it answered with status {answer.status}"
        except urllib.error.HTTPError as error:
            return f"it answered with status {error.code}"
        except urllib.error.URLError as error:
            return f"no answer: {error.reason}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"no answer: {type(error).__name__}"


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """What the other side compares with its own: ``sha256=`` and HMAC-SHA-256 of ``timestamp.body`` in hex.

    >>> sign(b"secret", "1762528951", b"{}")[:16]
    'sha256=233236869'
    """
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def message_of(alarm: AlarmRow) -> dict[str, Any]:
    """What is sent of an alarm; times in ISO 8601, UTC."""
    told = msgspec.structs.asdict(alarm)
    times = {name: None if told[name] is None else to_text(told[name]) for name in told if name.endswith("_at")}
    return {"event": "alarm", "id": alarm.id, "text": f"{alarm.device_id}: {reason_of_alarm(alarm)}", **told | times}


class Deliveries:
    """A thread that delivers what is due, from :meth:`start` to :meth:`stop`."""

    def __init__(self, webhook: Webhook, connection: Mapping[str, Any]) -> None:
        self._webhook = webhook
        self._arguments = {**connection, "autocommit": True, "connect_timeout": 5, "application_name": "flead webhook"}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flead-webhook", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the delivery that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_SECONDS + 1)

    def _run(self) -> None:
        pause = POLL_SECONDS
        while not self._stopping.wait(pause):
            try:
                with psycopg.connect(**self._arguments) as connection:
                    while not self._stopping.is_set():
                        if not self.deliver(connection):
                            self._stopping.wait(POLL_SECONDS)
                            pause = POLL_SECONDS
            except psycopg.Error as error:
                pause = min(2 * pause, 60.0)
                log.warning("webhook: the database does not respond (%s)", str(error).strip().partition("\n")[0])

    def deliver(self, connection: Connection[Any]) -> bool:
        """Deliver the next one that is due; False if none is."""
        taken = connection.execute(_TAKE, {"lease": LEASE_SECONDS}).fetchone()
        if taken is None:
            return False
        number, attempts = taken
        alarm = queries.alarm(connection, number)
        trouble = self._webhook.send(message_of(alarm)) if alarm is not None else None
        if trouble is None:
            connection.execute(_DELIVERED, (number,))
        else:
            pause = min(2.0**attempts, LONGEST_PAUSE)
            connection.execute(_PUT_BACK, {"id": number, "error": trouble, "pause": pause, "last": ATTEMPTS})
            log.warning("webhook: alarm %d was not delivered (%s), attempt %d", number, trouble, attempts)
        return True


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would send the signed alarm to an address that was not configured."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)

_TAKE = """
    UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = now() + %(lease)s * interval '1 second'
    WHERE alarm_id = (
        SELECT alarm_id FROM webhook_deliveries
        WHERE delivered_at IS NULL AND given_up_at IS NULL AND next_at <= now()
        ORDER BY next_at, alarm_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING alarm_id, attempts
"""
_DELIVERED = "UPDATE webhook_deliveries SET delivered_at = now(), error = NULL WHERE alarm_id = %s"
_PUT_BACK = """
    UPDATE webhook_deliveries
    SET error = %(error)s, next_at = now() + %(pause)s * interval '1 second',
        given_up_at = CASE WHEN attempts >= %(last)s THEN now() END
    WHERE alarm_id = %(id)s
"""
