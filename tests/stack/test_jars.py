"""Jars come from where jgo looks, and are kept only if they are what the lock file names."""

import hashlib
import os
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flead.stack import StackError, jars
from tests.platform_fixtures import require_platform

NAME = "org.example:thing:1.0"
CONTENT = b"a jar"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """A Maven repository with one jar in it; jgo's configuration names it, the lock wants its jar."""
    require_platform()
    place = tmp_path / "served" / "org" / "example" / "thing" / "1.0"
    place.mkdir(parents=True)
    (place / "thing-1.0.jar").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    threading.Thread(target=server.serve_forever).start()
    config = tmp_path / "jgo.conf"
    config.write_text(f"[repositories]\nmirror = http://127.0.0.1:{server.server_address[1]}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
    monkeypatch.setattr(jars, "locked", lambda: {"part": {NAME: hashlib.sha256(CONTENT).hexdigest()}})
    yield server
    server.shutdown()
    server.server_close()


def test_a_jar_is_downloaded_once_and_again_if_it_is_spoilt(repository: ThreadingHTTPServer, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    told: list[str] = []
    assert jars.fetch("part", cache, told.append) == [cache / "thing-1.0.jar"]
    assert (cache / "thing-1.0.jar").read_bytes() == CONTENT
    jars.fetch("part", cache, told.append)
    assert told == [f"downloading 1 jars for part into {cache}"]
    (cache / "thing-1.0.jar").write_bytes(b"half a")
    jars.fetch("part", cache)
    assert (cache / "thing-1.0.jar").read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == ["thing-1.0.jar"]


def test_a_jar_that_is_not_what_the_lock_names_is_not_kept(
    repository: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "locked", lambda: {"part": {NAME: "0" * 64}})
    with pytest.raises(StackError, match=r"org.example:thing:1.0 was downloaded, and is not the file that jars.lock"):
        jars.fetch("part", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_a_network_one_line_says_what_is_missing(repository: ThreadingHTTPServer, tmp_path: Path) -> None:
    repository.shutdown()
    repository.server_close()
    with pytest.raises(
        StackError, match=r"cannot download org.example:thing:1.0 \(ConnectionError\): it is needed once"
    ):
        jars.fetch("part", tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_one_line(repository: ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot write to .*set cache_dir \(FLEAD_CACHE_DIR\)"):
        jars.fetch("part", tmp_path / "file" / "cache")


def test_the_lock_has_what_is_asked_for() -> None:
    for part, asked in jars.WANTED.items():
        locked = tomllib.loads(jars.LOCK.read_text())[part]
        assert {name.rstrip("!") for name in asked} <= set(locked)
        assert all(len(digest) == 64 for digest in locked.values())


def test_the_systems_authorities_are_trusted_unless_others_are_named(monkeypatch, tmp_path: Path) -> None:
    bundle = tmp_path / "authorities.crt"
    bundle.touch()
    monkeypatch.setattr(jars, "AUTHORITIES", (str(tmp_path / "none"), str(bundle)))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "")  # so that what is there now comes back after the test
        monkeypatch.delenv(name)
    jars.trust_what_the_system_trusts()
    assert os.environ["REQUESTS_CA_BUNDLE"] == str(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/a/company's")
    jars.trust_what_the_system_trusts()
    assert os.environ["REQUESTS_CA_BUNDLE"] == "/a/company's"
