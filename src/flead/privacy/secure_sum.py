"""Secure aggregation: the server learns the sum of the devices' updates, and nothing about a single device.

Bonawitz, Ivanov, Kreuter, Marcedone, McMahan, Patel, Ramage, Segal, Seth, "Practical Secure Aggregation for
Privacy-Preserving Machine Learning", CCS 2017, figure 4. One round of the protocol, all through the server:

1. Every device advertises two public keys. The server hands on the list.
2. Every device draws a seed of its own, shares the seed and its masking key among all, and seals the shares.
3. Every device sends its update plus its own mask plus, for every other device, a mask that the other one subtracts.
4. Those still there hand over, of a device whose update has come, shares of its own mask's seed; of one whose update
   has not, shares of its masking key. So the server can take the masks away that do not cancel.

A device may fall silent after any step; as long as ``threshold`` are left, the sum of the updates that came is found.
A device never reveals both kinds of shares of another: an update that comes after it was given up stays hidden.

The server must route honestly, that is not make up devices: public keys are not signed here, as they are in the paper's
protocol against an active server. It may lie about who has fallen silent: a device answers once, and the threshold is
more than half, so that it cannot get both kinds of shares together, unless m >= 2 threshold - n devices side with it.

Only sums can be had: strategies that average work on them, those that compare updates (median, Krum, ...) cannot, and
a hostile device's update hides as well as any other's.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.errors import FleadError
from flead.privacy import masks, sharing

CHANNEL, MASKING = b"channel", b"mask"


class SecureSumError(FleadError):
    """The round cannot or must not continue: too few devices, or an invalid message."""


class Keys(NamedTuple):
    """Step 1: what a device, known by a number from 1, advertises."""

    device: int
    channel: bytes
    masking: bytes


class Revealed(NamedTuple):
    """Step 4: a device's shares by whose they are."""

    device: int
    seeds: dict[int, bytes]
    """Of the devices whose update has come."""
    masking_keys: dict[int, bytes]
    """Of those that fell silent before."""


class Client:
    """A device's part in one round; each step is taken once, in order."""

    def __init__(self, device: int, threshold: int) -> None:
        self.device = device
        self._threshold = threshold
        self._channel, self._masking = masks.key_pair(), masks.key_pair()
        self._seed = masks.key_pair().private  # 32 random bytes
        self._others: dict[int, Keys] = {}
        self._held: dict[int, tuple[bytes, bytes]] = {}
        self._step = 1

    def advertise(self) -> Keys:
        """Step 1."""
        return Keys(self.device, self._channel.public, self._masking.public)

    def share(self, devices: Iterable[Keys]) -> dict[int, bytes]:
        """Step 2: sealed shares by the device that they are for.

        SecureSumError if they are too few or too many for the threshold, not distinct, or this one is not among them.
        """
        self._take_step(2)
        listed = list(devices)
        keys = {device.device: device for device in listed}
        if keys.get(self.device) != self.advertise() or len(keys) < len(listed):
            raise SecureSumError(f"device {self.device}: not a valid member of the devices {sorted(keys)}")
        if len({part for device in listed for part in device[1:]}) < 2 * len(listed):
            raise SecureSumError("two devices have the same key")
        _enough(len(keys), self._threshold, "advertised keys")
        if 2 * self._threshold <= len(keys):
            raise SecureSumError(f"threshold {self._threshold} is not more than half of {len(keys)} devices")
        holders = sorted(keys)
        seeds = sharing.split(self._seed, holders, self._threshold)
        masking_keys = sharing.split(self._masking.private, holders, self._threshold)
        self._held[self.device] = seeds[self.device], masking_keys[self.device]
        self._others = {device: key for device, key in keys.items() if device != self.device}
        return {
            device: masks.seal(
                self._channel_to(device), seeds[device] + masking_keys[device], _way(self.device, device)
            )
            for device in self._others
        }

    def mask(self, update: NDArray[np.uint64], sealed: Mapping[int, bytes]) -> NDArray[np.uint64]:
        """Step 3: the update of (P,), masked, given the shares that others have sealed for this device."""
        self._take_step(3)
        _enough(len(sealed) + 1, self._threshold, "sent shares")
        if not sealed.keys() <= self._others.keys():
            raise SecureSumError(f"shares of devices that advertised no keys: {sorted(sealed.keys() - self._others)}")
        masked = update + masks.mask(self._seed, len(update))
        for device, message in sealed.items():
            shares = masks.unseal(self._channel_to(device), message, _way(device, self.device))
            self._held[device] = shares[: sharing.SHARE_BYTES], shares[sharing.SHARE_BYTES :]
            key = masks.agree(self._masking.private, self._others[device].masking, MASKING)
            _add(masked, key, plus=self.device < device)
        return masked

    def reveal(self, came: Iterable[int]) -> Revealed:
        """Step 4: given the devices whose update has come, one share of a secret of everybody who took step 2."""
        self._take_step(4)
        here = set(came)
        _enough(len(here), self._threshold, "sent updates")
        if not here <= self._held.keys() or self.device not in here:
            raise SecureSumError(
                f"updates came from devices that did not take part: {sorted(here - self._held.keys())}"
            )
        return Revealed(
            self.device,
            {device: shares[0] for device, shares in self._held.items() if device in here},
            {device: shares[1] for device, shares in self._held.items() if device not in here},
        )

    def _channel_to(self, device: int) -> bytes:
        return masks.agree(self._channel.private, self._others[device].channel, CHANNEL)

    def _take_step(self, step: int) -> None:
        if step != self._step + 1:
            raise SecureSumError(f"device {self.device}: step {step} after step {self._step}")
        self._step = step


class Server:
    """The server's part in one round of updates of (length,); it holds nothing that is secret before step 4.

    A device whose message is not of the right form counts as silent.
    """

    def __init__(self, threshold: int, length: int) -> None:
        self._threshold = threshold
        self._length = length
        self._keys: dict[int, Keys] = {}
        self._sharing: set[int] = set()
        self._masked: dict[int, NDArray[np.uint64]] = {}

    def keys(self, advertised: Iterable[Keys]) -> list[Keys]:
        """Step 1: the list for every device. SecureSumError below the threshold, here and in all steps."""
        self._keys = {keys.device: keys for keys in advertised}
        _enough(len(self._keys), self._threshold, "advertised keys")
        return list(self._keys.values())

    def route(self, sealed: Mapping[int, Mapping[int, bytes]]) -> dict[int, dict[int, bytes]]:
        """Step 2: sender -> receiver -> shares becomes receiver -> sender -> shares, among the senders."""
        devices = self._keys.keys()
        self._sharing = {sender for sender in sealed.keys() & devices if sealed[sender].keys() == devices - {sender}}
        _enough(len(self._sharing), self._threshold, "sent shares")
        return {
            receiver: {sender: sealed[sender][receiver] for sender in self._sharing - {receiver}}
            for receiver in self._sharing
        }

    def collect(self, masked: Mapping[int, NDArray[np.uint64]]) -> set[int]:
        """Step 3: the devices whose masked update has come; later ones are ignored."""
        fit = {device for device, update in masked.items() if update.shape == (self._length,)}
        self._masked = {device: masked[device] for device in sorted(fit & self._sharing)}
        _enough(len(self._masked), self._threshold, "sent updates")
        return set(self._masked)

    def total(self, revealed: Iterable[Revealed]) -> NDArray[np.uint64]:
        """Step 4: (P,) the sum of the updates that came."""
        silent = self._sharing - self._masked.keys()
        answers = {
            answer.device: answer
            for answer in revealed
            if answer.device in self._masked
            and answer.seeds.keys() == self._masked.keys()
            and answer.masking_keys.keys() == silent
        }
        _enough(len(answers), self._threshold, "revealed shares")
        total: NDArray[np.uint64] = np.sum(list(self._masked.values()), axis=0, dtype=np.uint64)
        for device in self._masked:
            seed = sharing.join({holder: answer.seeds[device] for holder, answer in answers.items()}, masks.KEY_BYTES)
            _add(total, seed, plus=False)
        for device in silent:
            shares = {holder: answer.masking_keys[device] for holder, answer in answers.items()}
            private = sharing.join(shares, masks.KEY_BYTES)
            for other in self._masked:
                # What the other one has added for the silent device, or subtracted.
                key = masks.agree(private, self._keys[other].masking, MASKING)
                _add(total, key, plus=device < other)
        return total


def _add(total: NDArray[np.uint64], key: bytes, plus: bool) -> None:
    """Add a key's mask to the total, or subtract it, modulo 2^64."""
    if plus:
        total += masks.mask(key, len(total))
    else:
        total -= masks.mask(key, len(total))


def _way(sender: int, receiver: int) -> bytes:
    return b"%d to %d" % (sender, receiver)


def _enough(count: int, threshold: int, what: str) -> None:
    if count < threshold:
        raise SecureSumError(f"{count} devices have {what}; at least {threshold} must")
