"""The privacy loss of private updates so far: (epsilon, delta) for every device that took part.

A device's update is a Gaussian mechanism with sensitivity 2 clip and noise ``noise`` clip (see
``flead.learning.privacy``), so that it is mu-GDP with mu = 2 / noise. Mechanisms one after another, each chosen in
view of those before, add up their mu^2 (Dong, Roth, Su, "Gaussian Differential Privacy", JRSS B 84, 2022, corollary
3.3). Epsilon of the sum is exact (Balle, Wang, "Improving the Gaussian Mechanism for Differential Privacy", ICML 2018),
by Google's dp-accounting.

Two observers are distinguished:

- one who sees every update, as the server does: each update sent counts, whether or not it was merged;
- one who sees global models only: of w = sum(s_i w_i) with shares s_i it knows a device's update through the noise of
  all, mu_i = 2 s_i / (noise sqrt(sum s_j^2)). That holds where the global model is made of this mean alone (FedAvg,
  FedBuff, FedProx, FedAvgM, the adaptive ones) and the others did add their noise.

No amplification by sampling is claimed: participation in a round is not secret.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from flead import optional_parts

DELTA = 1e-5
"""The probability that epsilon does not hold; below one in the number of devices."""

Spent = dict[str, tuple[float, float]]


class Epsilon(NamedTuple):
    """The larger, the greater the privacy loss; below 1 is strong privacy, above 10 hardly any."""

    updates: float
    """Towards an observer of every update."""
    models: float
    """Towards an observer of the global models."""


class Accountant:
    """Adds up, device by device, the privacy loss of updates with the same ``noise``.

    >>> accountant = Accountant(noise=10.0)
    >>> for _ in range(100):
    ...     accountant.sent(["pump_1"])
    ...     accountant.merged({"pump_1": 0.25, "pump_2": 0.75})
    >>> [round(squared, 2) for squared in accountant.snapshot()["pump_1"]]  # epsilon is 10.0 and 2.6
    [4.0, 0.4]
    """

    def __init__(self, noise: float, delta: float = DELTA) -> None:
        if noise <= 0 or not 0 < delta < 1:
            raise ValueError(f"noise = {noise} and delta = {delta}: both must be above 0, delta below 1")
        self.noise = noise
        self.delta = delta
        self._spent: Spent = {}

    def sent(self, devices: Iterable[str]) -> None:
        """Each of these devices has sent an update."""
        for device in devices:
            self._add(device, updates=(2.0 / self.noise) ** 2, models=0.0)

    def merged(self, shares: Mapping[str, float]) -> None:
        """A global model is the mean of these devices' updates, weighted with these shares of any sum."""
        squares = sum(share**2 for share in shares.values())
        for device, share in shares.items():
            self._add(device, updates=0.0, models=(2.0 * share / self.noise) ** 2 / squares)

    def merged_otherwise(self, devices: Iterable[str]) -> None:
        """A global model was made of these devices' updates in a way that need not mix them, such as Krum's."""
        for device in devices:
            self._add(device, updates=0.0, models=(2.0 / self.noise) ** 2)

    def epsilon(self, device: str) -> Epsilon:
        """The privacy loss of this device."""
        updates, models = self._spent.get(device, (0.0, 0.0))
        return Epsilon(epsilon_of(updates, self.delta), epsilon_of(models, self.delta))

    def worst(self) -> Epsilon:
        """The largest of all devices', to be shown with a global model."""
        updates = max((spent[0] for spent in self._spent.values()), default=0.0)
        models = max((spent[1] for spent in self._spent.values()), default=0.0)
        return Epsilon(epsilon_of(updates, self.delta), epsilon_of(models, self.delta))

    def snapshot(self) -> Spent:
        """By device, mu^2 towards either observer so far: plain data for a checkpoint."""
        return dict(self._spent)

    def restore(self, spent: Spent) -> None:
        """Resume from a snapshot: the privacy loss must not be reset by a restart."""
        self._spent = {device: (updates, models) for device, (updates, models) in spent.items()}

    def _add(self, device: str, updates: float, models: float) -> None:
        before = self._spent.get(device, (0.0, 0.0))
        self._spent[device] = before[0] + updates, before[1] + models


def epsilon_of(squared_mu: float, delta: float) -> float:
    """Epsilon, at this delta, of what is sqrt(squared_mu)-GDP; 0 if nothing was sent."""
    if squared_mu == 0.0:
        return 0.0
    optional_parts.need("dp_accounting")
    from dp_accounting import get_epsilon_gaussian

    return float(get_epsilon_gaussian(squared_mu**-0.5, delta))
