"""The bytes of a file to text in UTF-8, whatever they were packed and encoded in."""

import codecs
import gzip
import io
import zipfile
import zlib
from typing import NamedTuple

import polars as pl

_GZIP, _ZSTD, _ZIP, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WINDOWS = "cp1252"
_SAMPLE = 4096
_LONGEST_LINE = 1 << 16


class ContainerError(ValueError):
    """Why the bytes of a file cannot be read, for who made the file."""


class Part(NamedTuple):
    """One table or document: of a file that is packed there may be several."""

    member: str
    """Its name in an archive, else nothing."""
    packing: str
    """``gzip``, ``zstd``, ``zip`` or ``parquet``, else nothing."""
    content: bytes | pl.DataFrame


class Text(NamedTuple):
    """A part as text."""

    utf8: bytes
    encoding: str

    def original(self, line: bytes) -> bytes:
        """A line's bytes as they were in the file."""
        return line if self.encoding == "utf-8" else line.decode().encode(self.encoding, _C1)


def unpack(data: bytes) -> list[Part]:
    """The parts of a file. Raises :class:`ContainerError`."""
    try:
        if data.startswith(_GZIP):
            return [Part("", "gzip", gzip.decompress(data))]
        if data.startswith(_ZSTD):
            return [Part("", "zstd", _unpack_zstd(data))]
        if data.startswith(_ZIP):
            return _unpack_zip(data)
        if data.startswith(_PARQUET):
            return [Part("", "parquet", pl.read_parquet(io.BytesIO(data)))]
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, pl.exceptions.PolarsError) as error:
        raise ContainerError(f"the file cannot be unpacked: {str(error).splitlines()[0][:120]}") from None
    return [Part("", "", data)]


def is_packed(data: bytes) -> bool:
    """Whether a file that begins so is packed."""
    return data.startswith((_GZIP, _ZSTD, _ZIP, _PARQUET))


def to_text(data: bytes, encoding: str | None = None) -> Text:
    """The text in UTF-8. Without a hint it is UTF-8 or UTF-16 by its first bytes, else Windows-1252."""
    if encoding is not None:
        return Text(data.decode(encoding, "replace").removeprefix("\ufeff").encode(), encoding)
    for bom, name in _BOMS:
        if data.startswith(bom):
            return Text(_lines(_transcode(data[len(bom) :], name)), name)
    if data.isascii() and b"\0" not in data[:_SAMPLE]:
        return Text(_lines(data), "utf-8")
    sixteen = _looks_like_utf16(data[:_SAMPLE])
    if sixteen:
        return Text(_transcode(data, sixteen), sixteen)
    try:
        data.decode()
    except UnicodeDecodeError:
        return Text(_lines(data.decode(WINDOWS, _C1).encode()), WINDOWS)
    return Text(_lines(data), "utf-8")


def _lines(text: bytes) -> bytes:
    """A text whose lines end as they did on old Macintoshes gets line ends of today."""
    return text.replace(b"\r", b"\n") if b"\n" not in text[:_LONGEST_LINE] and text.count(b"\r") > 1 else text


def _transcode(data: bytes, encoding: str) -> bytes:
    return data if encoding == "utf-8" else data.decode(encoding, "replace").encode("utf-8", "replace")


def _looks_like_utf16(sample: bytes) -> str:
    """Text of Latin letters in UTF-16 has a zero in every other byte."""
    zeros = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half > 3 and zeros[1] > 0.7 * half and not zeros[0]:
        return "utf-16-le"
    return "utf-16-be" if half > 3 and zeros[0] > 0.7 * half and not zeros[1] else ""


def _unpack_zstd(data: bytes) -> bytes:
    # Python has no zstd before 3.14, polars has: the lines of the text as the cells of one column.
    lines = pl.read_csv(
        data, has_header=False, separator="\x01", quote_char=None, schema={"line": pl.String}, encoding="utf8-lossy"
    )["line"]
    return "\n".join(lines.fill_null("").to_list()).encode() + b"\n"


def _unpack_zip(data: bytes) -> list[Part]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if "[Content_Types].xml" in names:
            raise ContainerError("the file is a workbook, such as of Excel: export its sheet as CSV")
        parts = []
        for name in names:
            if name.endswith("/") or name.startswith("__MACOSX") or name.rsplit("/", 1)[-1].startswith("."):
                continue
            parts += [Part(name, "zip", part.content) for part in unpack(archive.read(name))]
        return parts


def _keep_byte(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes that Windows-1252 leaves undefined are the control characters of Latin-1, there and back."""
    if isinstance(error, UnicodeDecodeError):
        return error.object[error.start : error.end].decode("latin-1"), error.end
    if isinstance(error, UnicodeEncodeError):
        return error.object[error.start : error.end].encode("latin-1", "replace"), error.end
    raise error


_C1 = "flead-c1"
codecs.register_error(_C1, _keep_byte)
