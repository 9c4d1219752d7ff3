"""Which broker a device is bound to."""

import re
import zlib

_NUMBER = re.compile(r"\d+$")


def broker_of(device_id: str, brokers: int = 4, devices_per_broker: int = 600) -> int:
    """The device's broker, from 1: by blocks of device numbers, other ids by a hash that never changes.

    >>> [broker_of(f"device_{n}") for n in (0, 599, 600, 2399, 2400)]
    [1, 1, 2, 4, 1]
    >>> broker_of("boiler") == broker_of("boiler")
    True
    """
    found = _NUMBER.search(device_id)
    # A number of 20 digits is an address or a serial, not a place in a row of devices.
    if found and len(found[0]) < 10:
        return int(found[0]) // devices_per_broker % brokers + 1
    return zlib.crc32(device_id.encode()) % brokers + 1
