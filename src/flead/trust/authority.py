"""An authority of one's own (X.509): for trying TLS, and for fleets that have none. P-256 keys, files in PEM."""

import ipaddress
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from flead.trust.envelope import NAME_PATTERN
from flead.trust.errors import TrustError

AUTHORITY_DAYS = 3650
ISSUED_DAYS = 825
"""Longer, and some systems do not accept a server's."""
SLACK = timedelta(hours=1)
"""Clocks of devices are slow sometimes."""


class Authority:
    """A directory: ``authority.pem`` is for everybody, ``authority.key.pem`` for nobody else."""

    def __init__(self, directory: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._directory = directory
        self._key = key
        self._certificate = certificate

    @property
    def certificate_file(self) -> Path:
        """What clients and servers are told to believe: ``mqtt_ca``, ``kafka_ca``."""
        return self._directory / "authority.pem"

    @classmethod
    def create(cls, directory: Path) -> "Authority":
        """A new authority in this directory. Raises TrustError if there is one already."""
        if (directory / "authority.key.pem").exists():
            raise TrustError(f"{directory}: there is an authority already; what it has issued would be worth nothing")
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("FLEAD authority")
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            _builder(name, name, key.public_key(), AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        authority = cls(directory, key, certificate)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _write(directory / "authority.key.pem", _pem(key))
            authority.certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        except OSError as error:
            raise TrustError(f"{directory}: {error}") from None
        return authority

    @classmethod
    def open(cls, directory: Path) -> "Authority":
        """The authority in this directory. Raises TrustError if there is none."""
        try:
            key = load_pem_private_key((directory / "authority.key.pem").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((directory / "authority.pem").read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise TrustError(f"{directory}: no authority: {error}; flead authority create makes one") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TrustError(f"{directory}: not an authority of flead authority create")
        return cls(directory, key, certificate)

    def issue(self, name: str, hosts: list[str]) -> tuple[Path, Path]:
        """A certificate, and the file that holds its key and the certificate again; of a server if it has hosts.

        The name is the subject's common name, by which a broker knows a client. Raises TrustError.
        """
        if not re.fullmatch(NAME_PATTERN, name) or name == "authority":
            raise TrustError(f"{name!r} is no name: letters, digits, dot, dash and underscore, up to 64")
        key = ec.generate_private_key(ec.SECP256R1())
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = (
            _builder(_name(name), self._certificate.subject, key.public_key(), ISSUED_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(own, critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        files = self._directory / f"{name}.pem", self._directory / f"{name}.key.pem"
        try:
            files[0].write_bytes(certificate)
            _write(files[1], _pem(key) + certificate)
        except OSError as error:
            raise TrustError(f"{self._directory}: {error}") from None
        return files


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    """For its owner's eyes only, from the first moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
