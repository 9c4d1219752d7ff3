"""Text that Postgres can hold: valid UTF-8 without NUL."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    r"""``text`` with its NULs and lone surrogates, which Postgres refuses, replaced by U+FFFD.

    >>> clean("a\x00b")
    'a�b'
    """
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", REPLACEMENT)


def clean_bytes(raw: bytes) -> bytes:
    """The same for text as bytes, whose invalid sequences are replaced too."""
    return raw.decode("utf-8", "replace").replace("\0", REPLACEMENT).encode()
