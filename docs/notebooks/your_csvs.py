import marimo

app = marimo.App()


@app.cell(hide_code=True)
def _():
    import marimo as mo

    return (mo,)


@app.cell
def _(mo):
    mo.md("""
    # Your CSVs in five minutes

    A folder with one CSV file per device is all you need: a `timestamp` column, and every other column of numbers is
    a channel. This notebook makes such a folder, reads it and lists the alarms. To use your own files, run
    `marimo edit docs/notebooks/your_csvs.py` in a checkout and change `folder`.
    """)
    return


@app.cell
def _():
    from pathlib import Path
    from tempfile import mkdtemp

    import numpy as np

    folder = Path(mkdtemp())
    rng = np.random.default_rng(1)
    for number in range(25):
        values = 20.0 + number + rng.normal(0, 0.2, 300)
        if number == 7:
            values[200:210] += 3.0  # Pump 7 runs hot for ten seconds.
        times = [f"2025-11-07T15:{20 + i // 60}:{i % 60:02d}Z" for i in range(300)]
        rows = [f"{time},{value:.3f}" for time, value in zip(times, values, strict=True)]
        if number == 9:
            rows[100] = f"{times[100]},not a number"  # One row of pump 9 is broken.
        lines = ["timestamp,celsius", *rows, ""]
        (folder / f"pump_{number}.csv").write_text("\n".join(lines))
    return (folder,)


@app.cell
def _(mo):
    mo.md("""
    ## Read and judge

    A *source* reads the files in order of time, a *shard* judges every reading by those before it on the same device
    and learns from it. Rows that cannot be read come back with the reason; nothing is dropped silently.
    """)
    return


@app.cell
def _(folder):
    from flead.ingest.csv_folder import csv_folder
    from flead.settings import load
    from flead.shard.outputs import anomalies
    from flead.shard.shard import Shard

    settings, _ = load({"threshold": 4.0})
    shard = Shard(settings)
    source = csv_folder("csv:pumps", folder)
    source.open(shard.devices, None)

    readings, flagged, rejected = 0, [], []
    while (chunk := source.next_batch(limit=8192, until=None)) is not None:
        outcome = shard.observe(chunk.batch)
        readings += chunk.batch.size
        flagged += anomalies(shard, outcome)
        rejected += chunk.rejected
    source.close()
    return flagged, readings, rejected


@app.cell
def _(readings, rejected):
    import polars as pl

    pl.DataFrame(
        {
            "readings": [readings],
            "rejected": [len(rejected)],
            "where": [rejected[0].location],
            "why": [rejected[0].reason],
        }
    )
    return (pl,)


@app.cell
def _(mo):
    mo.md("""
    ## The anomalies

    Each one carries the mean and the standard deviation that it was judged by, so you can check it by hand.
    """)
    return


@app.cell
def _(flagged, pl):
    found = pl.DataFrame(
        [
            {"device": a.device_id, "time": a.timestamp[11:19], "celsius": a.value, "mean": round(a.mean, 2),
             "std": round(a.std, 2), "z": round(a.z_score, 1), "severity": a.severity}
            for a in flagged
        ]
    )  # fmt: skip
    found
    return (found,)


@app.cell
def _(mo):
    mo.md("""
    The jump of pump 7 is found at once, beside five single readings that are only noise. A few seconds later the jump
    itself has widened the window's standard deviation, which is how the published z-score rule behaves: [choose a
    learner](../detection.md) that does not.

    `flead run --data csv:FOLDER --speed max` does the same with a database and a live page.
    """)
    return


if __name__ == "__main__":
    app.run()
