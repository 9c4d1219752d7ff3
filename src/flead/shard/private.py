"""Private updates: clipped and with noise before anybody but the device's own shard sees them.

The mathematics are in :mod:`flead.learning.privacy`. An update is held to the newest global model that the shard knows,
which is public; before there is one, to zeros.
"""

import secrets
from math import prod

import numpy as np
from numpy.typing import NDArray

from flead.learning.learner import Layout, Learner, Parameters, Updates
from flead.learning.privacy import noise_of, private

SEED_BYTES = 16


class Private:
    """What a shard does to its updates. ``seed`` is a part of the shard's state: None draws one."""

    def __init__(self, clip: float, noise: float, seed: int | None) -> None:
        self._clip = clip
        self._noise = noise
        self._given = seed
        self.seed = secrets.token_bytes(SEED_BYTES) if seed is None else seed.to_bytes(SEED_BYTES)
        self._model: Parameters = {}
        self._references: dict[tuple[str, ...], NDArray[np.float64]] = {}

    def resume(self, seed: bytes) -> None:
        """Go on with a stored seed, unless one is set."""
        if self._given is None and seed:
            self.seed = seed

    def adopt(self, model: Parameters) -> None:
        """Hold updates to this global model from now on."""
        self._model = model
        self._references.clear()

    def told(self, learner: Learner, updates: Updates, devices: list[str]) -> Updates:
        """The updates of these devices as they may leave them."""
        parameters = updates.parameters.copy()
        for numbers, number, device in zip(parameters, updates.layouts.tolist(), devices, strict=True):
            layout = learner.layouts[number]
            size = sum(prod(shape) for shape in layout.values())
            numbers[:size] = self.update(learner, numbers[:size].copy(), layout, device)
        return updates._replace(parameters=parameters)

    def update(self, learner: Learner, flat: NDArray[np.float64], layout: Layout, device: str) -> NDArray[np.float64]:
        """(P,) one of them."""
        own, reference = learner.space.point(flat, layout), self._reference(learner, layout)
        noise = noise_of(self.seed, device, own, reference)
        return learner.space.at(private(own, reference, self._clip, self._noise, noise), flat, layout)

    def _reference(self, learner: Learner, layout: Layout) -> NDArray[np.float64]:
        """What updates of a layout are held to."""
        names = tuple(layout)
        if names not in self._references:
            known = layout.keys() <= self._model.keys()
            zeros = np.zeros(sum(prod(shape) for shape in layout.values()))
            flat = np.concatenate([self._model[name].ravel() for name in names]) if known else zeros
            point = learner.space.point(flat, layout)
            self._references[names] = point if known else np.zeros_like(point)
        return self._references[names]
