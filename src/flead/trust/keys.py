"""Ed25519 keys (RFC 8032): an agent's own, kept in a file that only its user reads, and the check of a signature.

A public key and a signature travel as base64 in the alphabet of URLs, without padding.
"""

import binascii
import os
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from flead.trust.errors import TrustError


class SigningKey:
    """An agent's private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = to_text(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def load_or_create(cls, path: Path) -> "SigningKey":
        """The key in this file; a new one, written there for its owner's eyes only, if there is none.

        Of two that create it at once both get the one that is kept. Raises TrustError.
        """
        try:
            if not path.exists():
                _create(path)
            found = load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise TrustError(f"{path}: cannot be used as the agent's key: {error}") from None
        if not isinstance(found, Ed25519PrivateKey):
            raise TrustError(f"{path}: not an Ed25519 key; move it away and a new one is made")
        return cls(found)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes; always the same one."""
        return self._key.sign(message)


def verify(public: str, message: bytes, signature: bytes) -> bool:
    """Whether the holder of this public key signed the message."""
    key = _public_key(public)
    if key is None:
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_public_key(text: str) -> bool:
    """Whether this is a public key as it travels."""
    return _public_key(text) is not None


def to_text(raw: bytes) -> str:
    """Bytes as they travel."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """What :func:`to_text` made a text of; ValueError if it made none of it."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(f"not base64: {error}") from None
    if to_text(raw) != text:
        raise ValueError("not base64 as it is written here")
    return raw


@lru_cache(maxsize=4096)
def _public_key(text: str) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(from_text(text))
    except ValueError:
        return None


def _create(path: Path) -> None:
    """A link, unlike a rename, does not replace what another has put there meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        os.unlink(name)
