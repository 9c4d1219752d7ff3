"""One whole platform for all tests in this folder, and the fleet that speaks to it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from flead.settings import Settings
from tests.platform_fixtures import platform_settings, require_platform

if TYPE_CHECKING:
    from tests.platform.whole.fleet import Fleet

SERVICES = ["training", "aggregator", "collector"]
DEVICES = 2500


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a running platform.

    With ``mix = 0`` global models are taken but no training starts from them, so that a device's updates do not
    depend on when a model reaches it, and can be compared with those of a shard in this process.
    """
    require_platform()
    from flead.stack import down, up

    settings = platform_settings(tmp_path_factory.mktemp("platform"), mix=0.0)
    try:
        up(settings, SERVICES, seconds=300)
        yield settings
    finally:
        down(settings)


@pytest.fixture(scope="session")
def fleet(platform: Settings) -> Iterator["Fleet"]:
    """2,500 devices, and what has come of what they said."""
    from tests.platform.whole.fleet import Fleet

    fleet = Fleet(platform, DEVICES)
    yield fleet
    fleet.close()
