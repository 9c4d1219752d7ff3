import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from flead.trust.errors import TrustError
from flead.trust.keys import SigningKey, from_text, is_public_key, to_text, verify


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "agent" / "key.pem"

    made = SigningKey.load_or_create(path)

    assert SigningKey.load_or_create(path).public == made.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key.pem"]


def test_those_that_create_a_key_at_once_have_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: SigningKey.load_or_create(tmp_path / "key.pem"), range(8)))

    assert len({key.public for key in keys}) == 1


def test_a_signature_is_of_one_key_and_of_one_message(tmp_path):
    key, other = (SigningKey.load_or_create(tmp_path / name) for name in ("one", "two"))
    signature = key.sign(b"message")

    assert verify(key.public, b"message", signature)
    assert not verify(key.public, b"Message", signature)
    assert not verify(other.public, b"message", signature)
    assert not verify(key.public, b"message", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not verify(key.public, b"message", b"")


def test_the_first_test_vector_of_rfc_8032():
    public = to_text(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert verify(public, b"", signature)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é", "A" * 44, "A" * 42 + "B"])
def test_what_is_no_public_key_verifies_nothing(text):
    assert not is_public_key(text)
    assert not verify(text, b"message", bytes(64))


def test_bytes_have_one_form_as_text():
    assert from_text(to_text(b"\xff\xfe\xfd\xfc")) == b"\xff\xfe\xfd\xfc"
    for text in ("//79_A", "__79_A==", "__79_B", "__7 9_A"):
        with pytest.raises(ValueError, match="base64"):
            from_text(text)


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_holds_no_key_is_left_alone(tmp_path, content):
    path = tmp_path / "key.pem"
    path.write_text(content)

    with pytest.raises(TrustError, match=r"key\.pem"):
        SigningKey.load_or_create(path)

    assert path.read_text() == content
