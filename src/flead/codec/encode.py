"""Records to JSON: what a shard, the aggregator and the auditor publish.

JSON has no NaN and no infinities, and msgspec would write ``null``. None comes here: a shard takes no reading beyond
1e100 and no global model that is not finite, and its sums of squares of such numbers stay below the largest double.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

Record = TypeVar("Record", bound=msgspec.Struct)

_ENCODER = msgspec.json.Encoder()


def encode_messages(records: Sequence[Record]) -> list[bytes]:
    """One message a record."""
    return list(map(_ENCODER.encode, records))


def encode_lines(records: Sequence[Record]) -> bytes:
    """One line a record, each ending in a newline."""
    return _ENCODER.encode_lines(records)
