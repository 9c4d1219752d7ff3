"""One signature for many messages: a tree of hashes, whose root is signed (Merkle, 1987).

A message's proof are the hashes beside its way up to the root. Leaves and nodes are hashed apart, so that neither can
pass for the other (RFC 6962, 2.1); a pair is hashed in the order of its hashes, so that a proof need not say which is
left and which is right. Which place a message had is not proven: it says itself what it is.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

SIZE = 32
"""Bytes of a hash."""


def leaf_of(message: bytes) -> bytes:
    """A message's own hash."""
    return sha256(b"\0" + message).digest()


def root_of(leaf: bytes, proof: Iterable[bytes]) -> bytes:
    """The root that this proof leads to."""
    for beside in proof:
        leaf = _above(leaf, beside)
    return leaf


def grow(leaves: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """The root above these leaves, of which there is one at least, and each one's proof."""
    proofs: list[tuple[bytes, ...]] = [() for _ in leaves]
    level = [(leaf, [i]) for i, leaf in enumerate(leaves)]
    while len(level) > 1:
        higher = []
        for (left, under_left), (right, under_right) in zip(level[::2], level[1::2], strict=False):
            for i in under_left:
                proofs[i] += (right,)
            for i in under_right:
                proofs[i] += (left,)
            higher.append((_above(left, right), under_left + under_right))
        level = higher + level[len(level) & ~1 :]  # an odd one goes up as it is
    return level[0][0], proofs


def _above(one: bytes, other: bytes) -> bytes:
    return sha256(b"\1" + min(one, other) + max(one, other)).digest()
