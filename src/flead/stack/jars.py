"""The jars that no wheel brings: resolved by jgo, pinned in ``jars.lock``, kept in the cache."""

import hashlib
import os
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from flead.stack.errors import StackError

WANTED = {
    # A trailing ! keeps jgo from taking a whole family's versions from this artifact.
    "kafka": ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"),
    "flink": ("org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",),
    "spark": (
        "org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.0",
        "org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.0.0",
        "org.apache.kafka:kafka-clients:3.9.0",
        "org.apache.commons:commons-pool2:2.12.0",
    ),
}
"""What each part of the platform asks for; what that needs in turn is found by jgo."""
COMPLETE = {"spark"}
"""What these parts need in turn is named here, or comes with a wheel."""
LOCK = Path(__file__).with_name("jars.lock")
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where systems keep the certificates that they trust: Debian, Fedora, Alpine and macOS."""
AT_ONCE = 8
"""Downloads."""


@cache
def locked() -> dict[str, dict[str, str]]:
    """Of each part, group:artifact:version and the SHA-256 of its jar."""
    return tomllib.loads(LOCK.read_text(encoding="utf-8"))


def fetch(part: str, directory: Path, tell: Callable[[str], None] = lambda line: None) -> list[Path]:
    """The jars of a part in ``directory``, each checked against the lock; missing ones are downloaded.

    Raises StackError with what cannot be had and why.
    """
    paths = places(part, directory)
    missing = [
        (name, digest)
        for path, (name, digest) in zip(paths, locked()[part].items(), strict=True)
        if not (path.exists() and sha256(path) == digest)
    ]
    if missing:
        tell(f"downloading {len(missing)} jars for {part} into {directory}")
        _download_all(missing, directory)
    return paths


def places(part: str, directory: Path) -> list[Path]:
    """Where the jars of a part are kept, whether or not they are there yet."""
    return [_place(directory, name) for name in locked()[part]]


def _place(directory: Path, name: str) -> Path:
    _, artifact, version = name.split(":")
    return directory / f"{artifact}-{version}.jar"


def sha256(path: Path) -> str:
    """The hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download_all(missing: list[tuple[str, str]], directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as unfinished, ThreadPoolExecutor(AT_ONCE) as pool:
            trust_what_the_system_trusts()
            context = _maven(Path(unfinished))
            for result in [pool.submit(_download, context, name, digest, directory) for name, digest in missing]:
                result.result()
    except OSError as error:
        raise StackError(
            f"cannot write to {directory} ({error.strerror}): set cache_dir (FLEAD_CACHE_DIR) to another directory"
        ) from None


def trust_what_the_system_trusts() -> None:
    """Let downloads believe the certificate authorities of the system, unless the environment names others.

    A company that inspects TLS adds its own authority there. The library that downloads knows only those it brings.
    """
    if not any(name in os.environ for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")):
        bundle = next(filter(os.path.exists, AUTHORITIES), None)
        if bundle is not None:
            os.environ["REQUESTS_CA_BUNDLE"] = bundle


def _maven(repository: Path):  # type: ignore[no-untyped-def]
    """A resolver that downloads into ``repository``, from the mirrors in the user's jgo.conf if there are any."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=repository, remote_repos=GlobalSettings.load().repositories or None)


def _download(context, name: str, digest: str, directory: Path) -> None:  # type: ignore[no-untyped-def]
    group, artifact, version = name.split(":")
    try:
        downloaded = context.project(group, artifact).at_version(version).artifact().resolve()
    except (OSError, RuntimeError) as error:
        raise StackError(
            f"cannot download {name} ({type(error).__name__}): it is needed once, into {directory}; connect this"
            " machine to the network, or copy that directory from one that has it"
        ) from None
    if sha256(downloaded) != digest:
        raise StackError(f"{name} was downloaded, and is not the file that {LOCK.name} names: nothing of it is kept")
    downloaded.replace(_place(directory, name))


def _resolve() -> dict[str, dict[str, str]]:
    """What the parts ask for and need in turn, with the digests of what was downloaded now."""
    with tempfile.TemporaryDirectory() as repository:
        context = _maven(Path(repository))
        parts = {}
        for part, asked in WANTED.items():
            inputs, needed = context.resolver.resolve([context.create_dependency(name) for name in asked])
            if part in COMPLETE:
                needed = []
            parts[part] = {
                f"{found.groupId}:{found.artifactId}:{found.version}": sha256(found.artifact.resolve())
                for found in sorted([*inputs, *needed], key=lambda found: (found.groupId, found.artifactId))
            }
    return parts


def lock() -> None:
    """Resolve what is wanted anew, and write the lock file."""
    lines = ["# Written by `make lock-jars`: group:artifact:version and the SHA-256 of its jar."]
    for part, jars in _resolve().items():
        lines += ["", f"[{part}]", *(f'"{name}" = "{digest}"' for name, digest in jars.items())]
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")
