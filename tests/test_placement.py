"""A device's broker never changes: these figures are a promise to every stream that is already stored."""

import pytest

from flead.placement import broker_of


@pytest.mark.parametrize(
    ("device", "broker"),
    [
        ("device_0", 1), ("device_599", 1), ("device_600", 2), ("device_1199", 2), ("device_1800", 4),
        ("device_2399", 4), ("device_2400", 1), ("device_2406", 1), ("0600", 2), ("pump 7", 1),
        ("boiler", 2), ("7_boiler", 2), ("sensor-00000000000000004711", 3), ("", 1), ("Pumpe-ß", 3),
    ],
)  # fmt: skip
def test_the_broker_of_a_device(device: str, broker: int) -> None:
    assert broker_of(device) == broker


def test_brokers_and_block_are_settings() -> None:
    assert [broker_of(f"d{number}", brokers=2, devices_per_broker=3) for number in range(8)] == [1, 1, 1, 2, 2, 2, 1, 1]


def test_other_ids_spread_over_all_brokers() -> None:
    found = [broker_of(f"boiler-{number}-north") for number in range(4000)]
    assert min(found.count(broker) for broker in (1, 2, 3, 4)) > 900
