"""JSON made small for a slow line, and back to the very same bytes.

Numbers of many digits take eight bytes each; the rest is deflated (RFC 1951) with a dictionary of what records say. So
even a single short record shrinks, which compression alone would hardly do.

Packed is a byte that names this form, the deflated text, in which a zero byte stands for each number, and the numbers
as little-endian doubles. Another dictionary or another layout is another form and has another first byte. A text with
a zero byte of its own, which JSON never has, goes as it is, in the form ``PLAIN``.
"""

import re
import struct
import zlib

PLAIN, FORM = b"\0", b"\1"
MOST = 1 << 24
"""Bytes of a text, its numbers aside: what grows beyond is nobody's."""

_NUMBER = re.compile(rb"-?\d+\.\d{8,}")
_MARK = b"\0"
_WINDOW = -15
"""Deflate's, 2^15 bytes; negative: without a head and a checksum, as the signature is one."""

# What is most common stands last, where it is cheapest to refer to.
_DICTIONARY = (
    b'"restored_version":"epsilon":"contributions":{"rows variance moments median "detector":"tail","drift","logistic"'
    b'"strategy":"peers","fedavg","fedadam","median","trimmed_mean","krum",'
    b'"mean":\0,"std":\0,"value":\0,"parameters":{"rows":[\0]},"accuracy":1.0,"broker_id":2,3,4,'
    b'{"agent":"","public_key":"","devices":["device_0","],"timestamp":"2026-'
    b'{"version":,"aggregation_round":,"global_accuracy":\0,"num_devices":20,"strategy":"fedbuff","parameters":'
    b'{"weights":[\0,\0,\0],"bias":[\0]},"timestamp":"2026-'
    b'{"received":[[],[],"refused":[{"sequence":,"reason":"wrongly signed"}]}'
    b'.000Z"}\n1a{"device_id":"","broker_id":1,"channel":"value","value":null,"z_score":-\0,"severity":"critical",'
    b'"warning","detector":"zscore","timestamp":"2026-T.000Z","threshold":\0,2.5}\n1u{"device_id":"","model_version":1,'
    b'"global_version":0,"accuracy":0.98,"loss":\0,"samples_processed":50,"parameters":{"weights":[\0,-\0,\0],"bias":[-\0]},'
    b'"timestamp":"2026-.000Z"}\n1a{"device_id":"'
)


def pack(text: bytes) -> bytes:
    """The packed text."""
    if _MARK in text:
        return PLAIN + text
    numbers: list[float] = []

    def take(found: re.Match[bytes]) -> bytes:
        number = float(found[0])
        if _written(number) != found[0]:
            return found[0]
        numbers.append(number)
        return _MARK

    marked = _NUMBER.sub(take, text)
    deflater = zlib.compressobj(9, zlib.DEFLATED, _WINDOW, zdict=_DICTIONARY)
    return FORM + deflater.compress(marked) + deflater.flush() + struct.pack(f"<{len(numbers)}d", *numbers)


def unpack(packed: bytes) -> bytes:
    """The text. ValueError if this is nothing that :func:`pack` has made, or of another form."""
    if packed[:1] == PLAIN:
        return packed[1:]
    if packed[:1] != FORM:
        raise ValueError("packed in a form that is not known here")
    inflater = zlib.decompressobj(_WINDOW, zdict=_DICTIONARY)
    try:
        marked = inflater.decompress(packed[1:], MOST)
    except zlib.error as error:
        raise ValueError(f"not packed: {error}") from None
    pieces, numbers = marked.split(_MARK), inflater.unused_data
    if not inflater.eof or len(numbers) != 8 * (len(pieces) - 1):
        raise ValueError("packed and not complete, or far too long")
    written = [_written(number) for (number,) in struct.iter_unpack("<d", numbers)]
    return b"".join(part for pair in zip(pieces, [*written, b""], strict=True) for part in pair)


def _written(number: float) -> bytes:
    """The shortest digits that mean this number, as Python and JSON write them."""
    return repr(number).encode()
