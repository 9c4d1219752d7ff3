"""A device never changes partition, and its partition is led by its broker."""

from collections import Counter

import pytest

from flead.placement import broker_of, partition_of


@pytest.mark.parametrize(
    ("device", "partition"),
    [("device_0", 0), ("device_1", 4), ("device_599", 12), ("device_600", 1), ("device_2406", 8), ("pump 7", 12),
     ("boiler", 1), ("sensor-00000000000000004711", 10), ("", 0)],
)  # fmt: skip
def test_the_partition_of_a_device(device: str, partition: int) -> None:
    assert partition_of(device) == partition


@pytest.mark.parametrize(("partitions", "brokers", "each"), [(16, 4, 600), (4, 4, 600), (9, 3, 7), (5, 1, 10)])
def test_a_broker_leads_the_partitions_of_its_devices(partitions: int, brokers: int, each: int) -> None:
    for name in ("device_{}", "boiler-{}-north"):
        ids = [name.format(number) for number in range(5000)]
        found = {device: partition_of(device, partitions, brokers, each) for device in ids}
        assert all(partition % brokers + 1 == broker_of(device, brokers, each) for device, partition in found.items())
        assert set(found.values()) == set(range(partitions))


def test_the_fleet_is_spread_evenly_over_the_partitions_of_a_broker() -> None:
    counts = Counter(partition_of(f"device_{number}") for number in range(2400))
    assert set(counts.values()) == {150}
