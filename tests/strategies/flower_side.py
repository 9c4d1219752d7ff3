"""What Flower makes of given updates, and how fast. Run by a Python that has ``flwr``, not by FLEAD's own.

Reads one JSON object from standard input and prints one. ``job`` is "rounds" (strategy, arguments, rounds: a list of
lists of [arrays by name, samples], and the model before the first round; prints every round's model) or "speed"
(strategy, arguments, updates, size, rounds; prints the best seconds of one aggregation of messages, and of the bare
weighted mean of arrays).
"""

import json
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np

Update = tuple[dict[str, Any], int]


def replies(updates: list[Update]) -> list[Any]:
    """Messages as clients send them. Flower takes arrays out of them, so every round needs its own."""
    app = import_module("flwr.app")
    return [
        app.Message(
            app.RecordDict(
                {
                    "arrays": app.ArrayRecord({name: app.Array(np.asarray(a)) for name, a in arrays.items()}),
                    "metrics": app.MetricRecord({"num-examples": samples}),
                }
            ),
            reply_to=app.Message(app.RecordDict(), dst_node_id=number + 1, message_type="train"),
        )
        for number, (arrays, samples) in enumerate(updates)
    ]


def start_from(strategy: Any, model: dict[str, Any]) -> None:
    """What ``configure_train`` does, but for sampling clients and sending them messages."""
    app = import_module("flwr.app")
    if type(strategy).__name__ == "FedAvgM":
        strategy.current_arrays = app.ArrayRecord({name: app.Array(np.asarray(a)) for name, a in model.items()})
    elif hasattr(strategy, "current_arrays"):
        strategy.current_arrays = {name: np.asarray(a) for name, a in model.items()}


def rounds(strategy: Any, job: dict[str, Any]) -> Any:
    model, models = job["model"], []
    start_from(strategy, model)
    for number, updates in enumerate(job["rounds"], 1):
        arrays, _ = strategy.aggregate_train(number, replies(updates))
        model = {name: array.numpy().tolist() for name, array in arrays.items()}
        models.append(model)
        if type(strategy).__name__ != "FedAvgM":  # which keeps the model itself
            start_from(strategy, model)
    return models


def speed(strategy: Any, job: dict[str, Any]) -> Any:
    aggregate = import_module("flwr.server.strategy.aggregate").aggregate
    rng = np.random.default_rng(0)
    updates = [({"w": rng.normal(size=job["size"])}, 50 + i) for i in range(job["updates"])]
    start_from(strategy, {"w": np.zeros(job["size"])})
    best = {"messages": float("inf"), "arrays": float("inf")}
    for _ in range(job["rounds"]):
        messages = replies(updates)
        started = time.perf_counter()
        strategy.aggregate_train(1, messages)
        between = time.perf_counter()
        aggregate([([arrays["w"]], samples) for arrays, samples in updates])
        best["messages"] = min(best["messages"], between - started)
        best["arrays"] = min(best["arrays"], time.perf_counter() - between)
    return best


def main() -> None:
    # Messages want to know who makes them.
    identity = import_module("flwr.supercore.task_identity").TaskIdentity
    identity.task_id = identity.run_id = identity.node_id = 1
    job = json.load(sys.stdin)
    strategy = getattr(import_module("flwr.serverapp.strategy"), job["strategy"])(**job["arguments"])
    json.dump({"rounds": rounds, "speed": speed}[job["job"]](strategy, job), sys.stdout)


if __name__ == "__main__":
    main()
