import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.ingest.delimited import read_blocks, read_header, split

# Nasty on purpose: quotes, separators, line ends, blanks, a BOM, bytes that are no UTF-8, NUL.
PIECES = [
    b",",
    b";",
    b'"',
    b'""',
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\t",
    b"1",
    b"-2.5",
    b"nan",
    b"x",
    b"\xff",
    b"\xc3\xa4",
]
nasty = st.lists(st.sampled_from([*PIECES, b"\x00", b"\xef\xbb\xbf", b"#", b"\\"]), max_size=60).map(b"".join)


def physical_rows(text: bytes) -> list[tuple[int, bytes]]:
    """What the rows are, told the slow way: number and bytes of each line that is not blank."""
    lines = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    return [(number, line) for number, line in enumerate(lines) if line.strip(b" \r")]


@given(nasty, st.sampled_from([",", ";", "\t"]), st.integers(1, 4))
def test_every_line_that_is_not_blank_is_a_row_with_its_cells_or_a_reason(text: bytes, separator: str, width: int):
    table = split(text, 7, separator, [f"c{number}" for number in range(width)])
    rows = physical_rows(text)
    assert [(int(line) - 7, table.raw(place)) for place, line in enumerate(table.lines)] == rows
    assert sorted([*table.places.tolist(), *table.malformed]) == list(range(len(rows)))
    assert table.cells.height == len(table.places)
    assert all(table.malformed.values())
    for place, cells in zip(table.places.tolist(), table.cells.rows(), strict=True):
        # A carriage return within a line is part of a cell; csv would end the line there.
        if b"\r" not in table.raw(place):
            expected = next(csv.reader([table.raw(place).decode(errors="replace")], delimiter=separator))
            assert [cell or "" for cell in cells] == expected[:width]
            assert not any(cell.strip() for cell in expected[width:])


@pytest.mark.parametrize(
    ("text", "columns", "separator", "next_line"),
    [
        (b"timestamp,flow\n1,2\n", ["timestamp", "flow"], ",", 2),
        (b"\xef\xbb\xbf a ; b;c,d \r\n", ["a", "b", "c,d"], ";", 2),
        (b"\r\n \n\na\tb\n1\t2", ["a", "b"], "\t", 5),
        (b'"a,b";"c;d"\n', ["a,b", "c;d"], ";", 2),
        (b"a,,a,a_3,a\n", ["a", "column_2", "a_3", "a_3_4", "a_5"], ",", 2),
        (b"1.5,2\n3,4\n", ["column_1", "column_2"], ",", 1),
        (b"\n3e2\n4\n", ["value"], ",", 2),
        (b"no line break", ["no line break"], ",", 2),
    ],
)
def test_the_header_names_the_columns(text: bytes, columns: list[str], separator: str, next_line: int):
    header = read_header(text)
    assert header is not None
    assert (header.columns, header.separator, header.next_line) == (columns, separator, next_line)


@pytest.mark.parametrize("text", [b"", b"\n\r\n  \n", b"\xef\xbb\xbf"])
def test_a_blank_file_has_no_header(text: bytes):
    assert read_header(text) is None


@given(nasty)
def test_any_bytes_may_be_a_header(text: bytes):
    header = read_header(text)
    if header is not None:
        assert len(set(header.columns)) == len(header.columns) > 0
        assert text.endswith(header.rest)


@given(nasty, st.integers(1, 20))
def test_blocks_are_whole_lines_and_nothing_is_lost(text: bytes, size: int):
    blocks = list(read_blocks(io.BytesIO(text), size))
    assert b"".join(blocks) == text
    assert all(block.endswith(b"\n") for block in blocks[:-1])
