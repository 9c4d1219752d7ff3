"""A file of the shape of Edge-IIoTset (63 columns, about 545 bytes a row), its defects included.

``python -m tests.ingest.edge_file PATH [ROWS]`` writes the size of the real one: 2.2 million rows, 1.2 GB.
"""

import random
import sys
from collections import Counter
from pathlib import Path

# fmt: off
COLUMNS = [
    "frame.time", "ip.src_host", "ip.dst_host", "arp.dst.proto_ipv4", "arp.opcode", "arp.hw.size",
    "arp.src.proto_ipv4", "icmp.checksum", "icmp.seq_le", "icmp.transmit_timestamp", "icmp.unused", "http.file_data",
    "http.content_length", "http.request.uri.query", "http.request.method", "http.referer", "http.request.full_uri",
    "http.request.version", "http.response", "http.tls_port", "tcp.ack", "tcp.ack_raw", "tcp.checksum",
    "tcp.connection.fin", "tcp.connection.rst", "tcp.connection.syn", "tcp.connection.synack", "tcp.dstport",
    "tcp.flags", "tcp.flags.ack", "tcp.len", "tcp.options", "tcp.payload", "tcp.seq", "tcp.srcport", "udp.port",
    "udp.stream", "udp.time_delta", "dns.qry.name", "dns.qry.name.len", "dns.qry.qu", "dns.qry.type",
    "dns.retransmission", "dns.retransmit_request", "dns.retransmit_request_in", "mqtt.conack.flags",
    "mqtt.conflag.cleansess", "mqtt.conflags", "mqtt.hdrflags", "mqtt.len", "mqtt.msg_decoded_as", "mqtt.msg",
    "mqtt.msgtype", "mqtt.proto_len", "mqtt.protoname", "mqtt.topic", "mqtt.topic_len", "mqtt.ver", "mbtcp.len",
    "mbtcp.trans_id", "mbtcp.unit_id", "Attack_label", "Attack_type",
]
# fmt: on

INDEX = {column: number for number, column in enumerate(COLUMNS)}
TELLING = ("dns.qry.name.len", "mqtt.conack.flags", "mqtt.msg", "mqtt.protoname", "mqtt.topic")
"""Columns written ``0`` in rows labelled 0 and ``0.0`` in the others."""


def sound_cells(random: random.Random) -> list[str]:
    """A row without a defect."""
    attack = random.random() < 0.27
    cells = ["0.0"] * len(COLUMNS)
    microsecond = random.randrange(86_400_000_000)
    second, fraction = divmod(microsecond, 1_000_000)
    cells[0] = f" 2021 {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{fraction:06}000 "
    cells[1], cells[2] = "192.168.0.128", f"192.168.0.{random.randrange(255)}"
    cells[INDEX["tcp.ack"]] = f"{float(random.choice((0, 1, 6, random.randrange(1 << 31))))}"
    cells[INDEX["tcp.ack_raw"]] = f"{float(random.randrange(1 << 32))}"
    cells[INDEX["tcp.srcport"]] = f"{float(random.randrange(1 << 16))}"
    cells[INDEX["tcp.payload"]] = f"{random.getrandbits(1000):0250x}"
    for column in TELLING:
        cells[INDEX[column]] = "0.0" if attack else "0"
    cells[-2:] = ("1", "DDoS_HTTP") if attack else ("0", "Normal")
    return cells


def shift_by_address(cells: list[str], random: random.Random) -> None:
    """As in the attack DDoS_UDP: the fields moved to the left, the address first."""
    cells[:] = [f"{random.randrange(1, 255)}.{random.randrange(255)}.0.1", *cells[2:-2], "0.0", "1", "DDoS_UDP"]


def shift_by_number(cells: list[str], random: random.Random) -> None:
    """As in the attack MITM: a number first, a name among the ports."""
    cells[0], cells[INDEX["tcp.srcport"]], cells[-2:] = "0.0", "_googlecast._tcp.local", ["1", "MITM"]


def set_cell(column: str, text: str):
    """A defect of one cell."""

    def set_it(cells: list[str], random: random.Random) -> None:
        cells[INDEX[column]] = text

    return set_it


def lose_cell(cells: list[str], random: random.Random) -> None:
    """A field too few."""
    del cells[5]


# kind in the report -> how often of 10,000 rows, and how to make it
REJECTED = {
    "address-as-time": (550, shift_by_address),
    "number-as-time": (10, shift_by_number),
    "no-time": (3, set_cell("frame.time", "")),
    "bad-time": (3, set_cell("frame.time", "25:61 o'clock")),
    "text-as-number": (5, set_cell("tcp.srcport", "raspberrypi.local")),
    "bad-label": (3, set_cell("Attack_label", "7")),
    "no-value": (3, set_cell("tcp.ack", "")),
    "bad-value": (3, set_cell("tcp.ack", "inf")),
    "malformed-line": (5, lose_cell),
}
KEPT = {
    "quoted": (10, set_cell("http.request.full_uri", '"/a?x=1,2&y=""b"""')),
    "hexadecimal": (20, set_cell("mqtt.conack.flags", "0x00000000")),
    "undecodable": (3, set_cell("http.file_data", "\udcff\udcfe")),
    "whole": (50, set_cell("tcp.ack", "17")),
}


def write(path: Path, rows: int, seed: int = 0) -> Counter[str]:
    """Write ``rows`` rows; gives how many have which defect."""
    generator = random.Random(seed)
    defects = REJECTED | KEPT
    kinds = [kind for kind, (often, _) in defects.items() for _ in range(often)]
    made: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for _ in range(rows):
            cells = sound_cells(generator)
            draw = generator.randrange(10_000)
            if draw < len(kinds):
                made[kinds[draw]] += 1
                defects[kinds[draw]][1](cells, generator)
            file.write(",".join(cells) + "\n")
    return made


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2_200_000))
