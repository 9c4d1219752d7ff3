"""Differentially private updates: what leaves a device says little about any of its readings.

Dwork, Roth, "The Algorithmic Foundations of Differential Privacy", 2014, appendix A (the Gaussian mechanism); McMahan,
Ramage, Talwar, Zhang, "Learning Differentially Private Recurrent Language Models", ICLR 2018 (clipped updates, the
device as the unit that is protected). With d the update's difference from a public reference, what is sent is

    reference + d min(1, clip / |d|) + N(0, (noise clip)^2) in every parameter.

The reference must be public: the newest global model that the device has seen, or zeros before the first. Whatever a
device has seen, two of its possible updates then lie at most 2 clip apart; ``flead.privacy.accountant`` adds up what
that tells.

It covers the parameters and nothing else that a device sends: alarms carry values, updates an accuracy, a loss and a
time. And the noise is floating-point numbers, whose last bits are not a Gaussian's (Mironov, "On Significance of the
Least Significant Bits for Differential Privacy", CCS 2012).
"""

import hashlib

import numpy as np
from numpy.typing import NDArray


def clipped(difference: NDArray[np.float64], clip: float) -> NDArray[np.float64]:
    """(P,) the difference, shortened to a length of ``clip`` if it is longer.

    >>> clipped(np.array([3.0, 4.0]), 1.0)
    array([0.6, 0.8])
    """
    length = float(np.linalg.norm(difference))
    return difference * (clip / length) if length > clip else difference


def private(
    parameters: NDArray[np.float64],
    reference: NDArray[np.float64],
    clip: float,
    noise: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """(P,) what is sent of an update of (P,): see the module's formula.

    An update that is not finite says nothing: what is sent is the reference with noise.

    >>> private(np.array([3.0, 5.0]), np.array([0.0, 1.0]), 1.0, 0.0, noise_of(b"seed", "pump"))
    array([0.6, 1.8])
    """
    difference = parameters - reference
    if not np.isfinite(difference).all():
        difference = np.zeros_like(reference)
    return reference + clipped(difference, clip) + generator.normal(0.0, noise * clip, reference.shape)


def noise_of(seed: bytes, device: str, *told: NDArray[np.float64]) -> np.random.Generator:
    """The generator of the noise for what a device tells, made of these arrays before the noise.

    The same update gets the same noise: sent again after a crash with fresh noise, the mean of both would tell more. No
    two different ones share noise: their difference would be without any. ``seed`` is a secret of 16 bytes.
    """
    digest = hashlib.blake2b(device.encode(), key=seed, digest_size=16)
    for array in told:
        digest.update(array.tobytes())
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest.digest())))
