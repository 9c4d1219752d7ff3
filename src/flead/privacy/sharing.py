"""Shares of a secret: any ``threshold`` of them reconstruct it, fewer reveal nothing about it.

Shamir, "How to Share a Secret", Communications of the ACM 22, 1979: the secret is a polynomial's value at 0, a share is
its value elsewhere, in a prime field.
"""

import secrets
from collections.abc import Mapping

PRIME = 2**521 - 1
"""A Mersenne prime: the field holds every secret of up to 65 bytes."""

SHARE_BYTES = 66


def split(secret: bytes, holders: list[int], threshold: int) -> dict[int, bytes]:
    """One share for each holder, who is a number from 1; ValueError unless 1 <= threshold <= holders."""
    if not 1 <= threshold <= len(set(holders)) == len(holders) or min(holders) < 1:
        raise ValueError(f"{threshold} of the holders {holders}: they must be distinct, from 1, and enough")
    value = int.from_bytes(secret)
    if value >= PRIME:
        raise ValueError(f"a secret of {len(secret)} bytes is too long")
    coefficients = [value, *(secrets.randbelow(PRIME) for _ in range(threshold - 1))]
    return {holder: _evaluate(coefficients, holder).to_bytes(SHARE_BYTES) for holder in holders}


def join(shares: Mapping[int, bytes], length: int) -> bytes:
    """The secret of ``length`` bytes from at least ``threshold`` shares, by Lagrange's interpolation at 0.

    From too few, or wrong ones, comes something else: a secret that does not fit the length is a ValueError.

    >>> shares = split(b"secret", [1, 2, 3], threshold=2)
    >>> join({holder: shares[holder] for holder in (3, 1)}, 6)
    b'secret'
    """
    value = 0
    for holder, share in shares.items():
        above, below = 1, 1
        for other in shares:
            if other != holder:
                above = above * other % PRIME
                below = below * (other - holder) % PRIME
        value += int.from_bytes(share) * above * pow(below, -1, PRIME)
    value %= PRIME
    if value >= 256**length:
        raise ValueError("these shares do not belong together, or are too few")
    return value.to_bytes(length)


def _evaluate(coefficients: list[int], at: int) -> int:
    """The polynomial's value, by Horner's rule."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * at + coefficient) % PRIME
    return value
