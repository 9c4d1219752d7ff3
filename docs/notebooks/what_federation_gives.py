import marimo

app = marimo.App()


@app.cell(hide_code=True)
def _():
    import marimo as mo

    return (mo,)


@app.cell
def _(mo):
    mo.md("""
    # What federation gives

    A new machine knows nothing about itself. With federation it starts from what its peers have learnt, without seeing
    one of their readings. This notebook measures the difference on 24 made-up machines of one kind: three channels
    that move together, and a fault that shifts one of them for a minute.
    """)
    return


@app.cell
def _():
    import numpy as np

    machines, readings, fault = 24, 600, slice(400, 460)
    rng = np.random.default_rng(1)
    state = np.zeros((machines, readings))
    for i in range(1, readings):
        state[:, i] = 0.9 * state[:, i - 1] + rng.normal(0, 0.4, machines)
    base = rng.uniform(10, 100, (machines, 1, 3))
    values = base + state[:, :, None] * [1.0, 0.8, -0.5] + rng.normal(0, 0.2, (machines, readings, 3))
    values[:, fault, 1] += 1.5
    return fault, machines, readings, np, values


@app.cell
def _(mo):
    mo.md("""
    ## The same readings, alone and together

    Each machine has only a few rows to learn from. The learner is `drift`. *Together*, every local update goes to the
    server's rounds, and each global model that comes of them goes back to all machines.
    """)
    return


@app.cell
def _(machines, readings, np, values):
    from flead.columns import Batch
    from flead.federation.rounds import rounds_of
    from flead.records import NO_LABEL
    from flead.settings import load
    from flead.shard.outputs import local_updates
    from flead.shard.shard import Shard

    def flags(training_rows, together):
        """Which readings are flagged: one row for each machine."""
        settings, _ = load({"learner": "drift", "training_rows": training_rows})
        shard, rounds = Shard(settings), rounds_of(settings)
        rows = shard.devices.add([f"machine_{number}" for number in range(machines)], ("flow", "pressure", "power"))
        labels = np.full(machines, NO_LABEL, dtype=np.int8)
        flagged = np.zeros((machines, readings), dtype=bool)
        for second in range(readings):
            times = np.full(machines, second * 1000, dtype=np.int64)
            now = np.ascontiguousarray(values[:, second])
            outcome = shard.observe(Batch(rows, times, now, labels))
            flagged[:, second] = outcome.judgement.anomalous
            for update in local_updates(shard, outcome):
                if together and (model := rounds.add(update)) is not None:
                    shard.adopt(model)
        return flagged

    return (flags,)


@app.cell
def _(fault, readings, flags, np):
    import polars as pl

    faulty = np.zeros(readings, dtype=bool)
    faulty[fault] = True
    judged = np.arange(readings) >= 200  # After the longest training below.

    def figures(training_rows, together):
        flagged = flags(training_rows, together)
        return {
            "training rows": training_rows,
            "learns": "together" if together else "alone",
            "faulty readings found, %": round(100 * flagged[:, faulty].mean(), 1),
            "normal readings flagged, %": round(100 * flagged[:, judged & ~faulty].mean(), 1),
        }

    table = pl.DataFrame([figures(rows, together) for rows in (60, 100, 200) for together in (False, True)])
    table
    return (table,)


@app.cell
def _(mo):
    mo.md("""
    With the same few rows, machines that learn together find more of the fault, and flag fewer normal readings or about
    as many. These are made-up signals, chosen to be alike. What federation gives on a real testbed is in [the results
    on SKAB](../detection-results.md#a-new-device), and what an update may still reveal in [Privacy](../privacy.md).
    """)
    return


if __name__ == "__main__":
    app.run()
