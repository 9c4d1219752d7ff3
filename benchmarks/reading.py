"""How fast files and messages of odd forms are read: ``python -m benchmarks.reading [ROWS]``.

Each form is written once to a temporary folder and read on one core, beside polars' and pandas' readers, which make
columns of text of it and find out nothing.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.contenders.harness import one_core, settle
from flead.agent.decoding import Message, MessageDecoder
from flead.agent.limits import Limits
from flead.columns import Devices
from flead.ingest.csv_folder import csv_folder
from flead.messages.reader import Messages
from flead.messages.topics import Pattern
from flead.records import to_texts

START = 1_762_473_600_000
REPETITIONS = 3


def forms(rows: int) -> dict[str, tuple[str, str]]:
    """The text of a file of a time and three channels a row, and what separates its cells, by form."""
    times = START + 1000 * np.arange(rows)
    iso = to_texts(times)
    moments = pl.Series(times).cast(pl.Datetime("ms"))
    german = moments.dt.strftime("%d.%m.%Y %H:%M:%S").to_list()
    american = moments.dt.strftime("%m/%d/%Y %I:%M:%S %p").to_list()
    values = [[f"{value:.2f}" for value in row] for row in np.random.default_rng(0).normal(40, 5, (rows, 3)).tolist()]

    def table(head: str, column: list[str], row: Callable[[list[str]], str]) -> str:
        return head + "\n" + "\n".join(f"{time}{row(cells)}" for time, cells in zip(column, values, strict=True)) + "\n"

    long = "".join(f"{iso[n // 4]},d{n % 2},m{n % 4 // 2},{values[n][0]}\n" for n in range(rows))
    return {
        "plain": (table("time,a,b,c", iso, lambda cells: "," + ",".join(cells)), ","),
        "decimal comma": (table("Zeit;a;b;c", german, lambda cells: ";" + ";".join(cells).replace(".", ",")), ";"),
        "month first": (table("Date Time,a,b,c", american, lambda cells: "," + ",".join(cells)), ","),
        "quoted": (table('"time","a","b","c"', iso, lambda cells: ',"' + '","'.join(cells) + '"'), ","),
        "units": (table("time,a,b,c", iso, lambda cells: f",{cells[0]} °C,{cells[1]} %,{cells[2]}"), ","),
        "thousands": (
            table("time,a,b,c", iso, lambda cells: f',"1,1{cells[0].strip("-")}",{cells[1]},{cells[2]}'),
            ",",
        ),
        "long": ("time,device,metric,value\n" + long, ","),
    }


def seconds(read: Callable[[], object]) -> float:
    """The best of some repetitions, in processor time."""
    best = float("inf")
    for _ in range(REPETITIONS):
        settle()
        start = time.process_time()
        read()
        best = min(best, time.process_time() - start)
    return best


def read_files(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for form, (text, separator) in forms(rows).items():
            path = Path(folder) / f"{form}.csv"
            path.write_text(text)
            ours = seconds(lambda path=path: csv_folder("csv", path).open(Devices(), None))
            polars = seconds(
                lambda path=path, separator=separator: pl.read_csv(path, separator=separator, infer_schema_length=0)
            )
            pandas = seconds(lambda path=path, separator=separator: pd.read_csv(path, sep=separator, dtype=str))
            print(
                f"{form:<14} {rows / ours:>12,.0f} rows/s, text only: polars {rows / polars:>12,.0f},"
                f" pandas {rows / pandas:>12,.0f}"
            )


MESSAGES: dict[str, Callable[[int], bytes]] = {
    "nested": lambda n: (
        b'{"Time":"2025-03-03T08:%02d:%02d","ENERGY":{"TotalStartTime":"2024-10-02T19:53:40","Total":66.018,"Today":0.018,'
        b'"Power":%d,"Factor":0.8,"Voltage":231,"Current":0.44}}' % (n // 60 % 60, n % 60, n % 500)
    ),
    "flat": lambda n: b'{"temperature":%d.5,"humidity":47.1}' % (n % 30),
    "number": lambda n: b"%d.5" % (n % 30),
    "whole": lambda n: (
        b'{"device_id":"p%d","data":%d.5,"timestamp":"2025-03-03T08:00:%02dZ"}' % (n % 50, n % 30, n % 60)
    ),
}


def read_messages(count: int) -> None:
    pattern = Pattern("tele/+/SENSOR")
    for form, payload in MESSAGES.items():
        topics = [f"tele/p{number}/SENSOR" for number in range(50)]
        sent = [Message(topic := topics[n % 50], payload(n), topic, pattern.place(topic), START) for n in range(count)]

        def read(sent: list[Message] = sent) -> None:
            decoder = MessageDecoder(Devices(), "benchmark", Messages(), Limits({}))
            for start in range(0, len(sent), 8192):
                decoder.decode(sent[start : start + 8192])

        print(f"{form:<14} {count / seconds(read):>12,.0f} messages/s")


if __name__ == "__main__":
    one_core()
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    read_files(asked)
    read_messages(asked // 2)
