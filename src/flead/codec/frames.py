"""Where messages were and what their keys are, in one text for many: what only a dead letter asks for.

Flink's SQL writes it, ``offset FIELD key MESSAGE offset FIELD key ...``. Keys enter Flink as Latin-1, which has a
character for every byte; the characters behind Latin-1's last are therefore in no key, and separate them.
"""

FIELD, MESSAGE = "\u0100", "\u0101"

LATIN_1 = "ISO-8859-1"


def places(heads: bytes) -> list[tuple[int, bytes]]:
    r"""The offset and the key of every message.

    >>> places("7\u0100pump_1\u01018\u0100caf\u00c3\u00a9\u01019\u0100".encode())
    [(7, b'pump_1'), (8, b'caf\xc3\xa9'), (9, b'')]
    """
    found = (head.partition(FIELD) for head in heads.decode().split(MESSAGE))
    return [(int(offset), key.encode(LATIN_1)) for offset, _, key in found]
