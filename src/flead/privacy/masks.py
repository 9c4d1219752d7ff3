"""Keys that two devices agree on, masks derived from them, and messages that only one of them can read."""

import secrets
from typing import NamedTuple

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyPair(NamedTuple):
    """An X25519 key pair, as raw bytes."""

    private: bytes
    public: bytes


def key_pair() -> KeyPair:
    """A new key pair."""
    private = X25519PrivateKey.generate()
    return KeyPair(private.private_bytes_raw(), private.public_key().public_bytes_raw())


def agree(own_private: bytes, other_public: bytes, purpose: bytes) -> bytes:
    """The key that both sides derive, each from its own private and the other's public key (RFC 7748, RFC 5869)."""
    shared = X25519PrivateKey.from_private_bytes(own_private).exchange(X25519PublicKey.from_public_bytes(other_public))
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"flead secure sum " + purpose).derive(shared)


def mask(key: bytes, length: int) -> NDArray[np.uint64]:
    """(length,) numbers that are indistinguishable from random ones without the key: AES-256 in counter mode.

    A key is used for one mask only, so the counter may start at 0.
    """
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(8 * length))
    return np.frombuffer(stream, dtype="<u8").astype(np.uint64)


def seal(key: bytes, message: bytes, about: bytes) -> bytes:
    """The message, encrypted and bound to what it is ``about`` (AES-GCM)."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, message, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """What was sealed; cryptography.exceptions.InvalidTag if it was changed, or about something else."""
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
