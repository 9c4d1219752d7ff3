"""FLEAD: lines decoded into columns, a shard, and its records encoded."""

from harness import Outputs, run

from flead.codec.decode import Decoder
from flead.codec.encode import encode_messages
from flead.settings import Settings
from flead.shard.outputs import anomalies, local_updates
from flead.shard.shard import Shard

PIECE = 4_000_000
"""Bytes that are decoded at once: about 50,000 readings."""


def play(text: bytes) -> Outputs:
    shard = Shard(Settings())
    decoder = Decoder(shard.devices)
    flagged, trained = [], []
    start = 0
    while start < len(text):
        stop = text.find(b"\n", start + PIECE) + 1 or len(text)
        outcome = shard.observe(decoder.lines(text[start:stop]).batch)
        flagged += encode_messages(anomalies(shard, outcome))
        trained += encode_messages(local_updates(shard, outcome))
        start = stop
    return flagged, trained


if __name__ == "__main__":
    run(play)
