"""Records of columns in which only what a test is about need be said."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flead.records import Flagged, LocalModels


def flagged(rows: NDArray[np.int32], times: NDArray[np.int64], **columns: Any) -> Flagged:
    """Readings of the devices' first channel that ``zscore`` flagged as warnings, but for the columns given."""
    count = len(rows)
    usual: dict[str, Any] = {
        "detector": "zscore",
        "channels": np.zeros(count, np.int64),
        "values": np.zeros(count),
        "scores": np.full(count, 3.0),
        "critical": np.zeros(count, np.bool_),
        "means": np.zeros(count),
        "stds": np.ones(count),
        "thresholds": np.full(count, 2.5),
        "contributions": [None] * count,
    }
    return Flagged(rows=rows, times=times, **(usual | columns))


def local_models(rows: NDArray[np.int32], times: NDArray[np.int64], **columns: Any) -> LocalModels:
    """First trainings of logistic models on 50 readings, but for the columns given."""
    count = len(rows)
    usual: dict[str, Any] = {
        "versions": np.ones(count, np.int64),
        "global_versions": np.zeros(count, np.int64),
        "accuracies": np.ones(count),
        "losses": np.full(count, 0.5),
        "samples": np.full(count, 50),
        "parameters": np.zeros((count, 4)),
        "layouts": [{"weights": (3,), "bias": (1,)}],
        "layout": np.zeros(count, np.int64),
    }
    return LocalModels(rows=rows, times=times, **(usual | columns))
