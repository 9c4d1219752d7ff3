"""Where a device is placed: which broker it is bound to, and in which of that broker's partitions its messages are."""

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
    return _seat(device_id, brokers, devices_per_broker)[0] + 1


def partition_of(device_id: str, partitions: int = 16, brokers: int = 4, devices_per_broker: int = 600) -> int:
    """The device's partition, from 0: one that its broker leads, each having as many of the broker's devices.

    Partition p is led by broker ``p % brokers + 1``, and ``partitions`` is a multiple of ``brokers``.

    >>> [partition_of(f"device_{n}") for n in (0, 1, 4, 599, 600, 2400)]
    [0, 4, 0, 12, 1, 0]
    """
    broker, place = _seat(device_id, brokers, devices_per_broker)
    return broker + brokers * (place % (partitions // brokers))


def _seat(device_id: str, brokers: int, devices_per_broker: int) -> tuple[int, int]:
    """The device's broker, from 0, and its place among that broker's devices."""
    found = _NUMBER.search(device_id)
    # A number of 20 digits is an address or a serial, not a place in a row of devices.
    if found and len(found[0]) < 10:
        block, within = divmod(int(found[0]), devices_per_broker)
        lap, broker = divmod(block, brokers)
        return broker, lap * devices_per_broker + within
    place, broker = divmod(zlib.crc32(device_id.encode()), brokers)
    return broker, place
