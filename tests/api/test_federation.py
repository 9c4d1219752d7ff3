"""A federation by hand: three updates whose mean is known."""

import msgspec
import polars as pl
import pytest

import flead
from flead.records import LocalUpdate


def update(device: str, weight: float, samples: int) -> LocalUpdate:
    parameters = {"weights": [weight, 0.0, 1.0], "bias": [-weight]}
    return LocalUpdate(device, 1, 0, 1.0, 0.5, samples, parameters, "2025-01-01T00:00:00.000Z")


def test_the_mean_of_three_updates():
    federation = flead.Federation(strategy="fedavg", learner="zscore", buffer=3)
    assert federation.strategy == "fedavg"
    assert federation.model is None
    assert federation.add(update("a", 1.0, 10)) is None
    assert federation.add(update("b", 2.0, 10)) is None
    model = federation.add(update("c", 6.0, 20))
    # (10 * 1 + 10 * 2 + 20 * 6) / 40 = 3.75
    assert model is federation.model
    assert model is not None
    assert model.parameters == {"weights": [3.75, 0.0, 1.0], "bias": [-3.75]}
    assert (model.version, model.num_devices) == (1, 3)


def test_detectors_send_updates_and_adopt_the_model():
    fleet = flead.simulate(devices=9, seconds=170)
    number = fleet["device_id"].str.strip_prefix("device_").cast(pl.Int64)
    parts = [fleet.filter(number % 3 == site) for site in range(3)]
    sites = [flead.Detector("zscore", local=True) for _ in parts]
    federation = flead.Federation(learner="zscore", buffer=9)
    assert federation.strategy == "fedbuff"
    updates = []
    for site, part in zip(sites, parts, strict=True):
        site.observe(part[: 3 * 60])
        sent = site.take_updates()
        assert len({one.device_id for one in sent}) == len(sent) == 3
        assert site.take_updates() == []
        updates += sent
    models = [federation.add(one) for one in updates]
    assert models[:-1] == [None] * 8
    assert federation.model is not None
    samples = sum(one.samples_processed for one in updates)
    mean = sum(one.samples_processed * one.parameters["bias"][0] for one in updates) / samples
    assert federation.model.parameters["bias"][0] == pytest.approx(mean, rel=1e-12)
    for site, part in zip(sites, parts, strict=True):
        site.adopt(federation.model)
        site.observe(part[3 * 60 :])
        assert {one.global_version for one in site.take_updates()} == {1}


def test_a_detector_that_federates_by_itself_needs_no_other():
    detector = flead.Detector("zscore")
    federation = flead.Federation(learner="zscore", buffer=1)
    model = federation.add(update("a", 1.0, 10))
    assert model is not None
    with pytest.raises(flead.FleadError, match="merges its devices' updates itself"):
        detector.take_updates()
    with pytest.raises(flead.FleadError, match="makes its own global models"):
        detector.adopt(model)


def test_what_does_not_fit_is_refused():
    federation = flead.Federation(learner="zscore", buffer=1)
    with pytest.raises(flead.FleadError, match="not str"):
        federation.add("update")  # type: ignore[arg-type]
    with pytest.raises(flead.FleadError, match="update of a cannot be merged: it started from global version 7"):
        federation.add(msgspec.structs.replace(update("a", 1.0, 10), global_version=7))
    model = federation.add(update("a", 1.0, 10))
    assert model is not None
    with pytest.raises(flead.FleadError, match="no global model of learner drift"):
        flead.Detector("drift", local=True).adopt(model)
    with pytest.raises(flead.FleadError, match="cannot merge the weights"):
        flead.Federation(strategy="peers", learner="zscore")
    with pytest.raises(flead.FleadError, match="no strategy 'sum'"):
        flead.Federation(strategy="sum")
