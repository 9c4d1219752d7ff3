"""What a device's source was understood as, from the store."""

from functools import lru_cache
from typing import Any

import msgspec
from psycopg import Connection

from flead.ingest.recognise.device_source import DeviceSource, device_source
from flead.ingest.recognise.understanding import Account
from flead.storage import queries


def source_of(connection: Connection[Any], device_id: str) -> DeviceSource | None:
    """What is known of this device's files; None where it has none."""
    text = queries.understood(connection)
    return None if text is None else device_source(_account(text), device_id)


@lru_cache(maxsize=1)
def _account(text: bytes) -> Account:
    return msgspec.json.decode(text, type=Account)
