"""The contract that every learner of the registry keeps, whatever its mathematics."""

import math
import pickle
import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.kinds import PEERS
from flead.learning.learner import (
    Judgement,
    Layout,
    Learner,
    Parameters,
    Trainings,
    Updates,
    flatten,
    unflatten,
)
from flead.learning.registry import LEARNERS
from flead.learning.rules import Rules
from flead.learning.strategies import STRATEGIES, Contribution

RULES = {
    "published": Rules(features="raw"),
    "default": Rules(),
    "supervised": Rules(supervised=True, learning_rate=0.1),
    "mixed": Rules(mix=0.3, window=20, min_readings=5),
}
DEVICES, CHANNELS, COUNT = 6, 3, 800

Readings = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int8], Trainings]
Said = dict[str, NDArray[np.generic]]


@pytest.fixture(params=LEARNERS)
def kind(request: pytest.FixtureRequest) -> type[Learner]:
    made: type[Learner] = LEARNERS[request.param]
    assert made.name == request.param
    return made


@pytest.fixture(params=RULES)
def rules(request: pytest.FixtureRequest) -> Rules:
    return RULES[request.param]


def new(kind: type[Learner], rules: Rules) -> Learner:
    learner = kind(rules)
    learner.meet([("pressure", "flow", "current")], np.zeros(DEVICES, np.int16))
    learner.grow(DEVICES, CHANNELS)
    return learner


def readings(seed: int = 0) -> Readings:
    """Noise with spikes, missing channels and some labels; a device trains on every seventeenth of its readings."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, DEVICES, COUNT).astype(np.int32)
    values = rng.normal(20, 2, (COUNT, CHANNELS)) * [1.0, 1e3, 1e-3]
    values[rng.random((COUNT, CHANNELS)) < 0.03] *= 3
    values[rng.random((COUNT, CHANNELS)) < 0.3] = np.nan
    values[np.isnan(values).all(axis=1), 0] = 20.0
    labels = rng.integers(-1, 2, COUNT).astype(np.int8)
    ranks = np.array([np.count_nonzero(rows[: i + 1] == row) for i, row in enumerate(rows)])
    [ends] = np.nonzero(ranks % 17 == 0)
    trainings = Trainings(ends + 1, rows[ends], np.full(len(ends), 17, np.int32), ends * 1000)
    return rows, values, labels, trainings


def part(whole: Readings, begin: int, end: int) -> Readings:
    """Readings ``begin`` to ``end``, with the trainings that end among them."""
    rows, values, labels, trainings = whole
    inside = (begin < trainings.positions) & (trainings.positions <= end)
    shifted = Trainings(
        trainings.positions[inside] - begin, trainings.rows[inside], trainings.samples[inside], trainings.times[inside]
    )
    return rows[begin:end], values[begin:end], labels[begin:end], shifted


def observe(learner: Learner, whole: Readings, cuts: Iterable[int] = ()) -> Said:
    """Everything that the learner says of the readings when they come in these batches."""
    bounds = sorted({0, COUNT, *cuts})
    said = [learner.observe(*part(whole, begin, end)) for begin, end in pairwise(bounds)]
    judged, updated = zip(*said, strict=True)
    columns = {
        **{name: [getattr(one, name) for one in judged] for name in Judgement._fields},
        **{name: [getattr(one, name) for one in updated] for name in Updates._fields},
        "layouts": [np.array([str(learner.layouts[number])]) for one in updated for number in one.layouts.tolist()],
        "parameters": [numbers for one in updated for numbers in models(learner, one)],
    }
    return {name: np.concatenate(parts) for name, parts in columns.items() if parts and parts[0] is not None}


def models(learner: Learner, updates: Updates) -> list[NDArray[np.float64]]:
    """The trainings' models without what is left over behind them."""
    sizes = [sum(math.prod(shape) for shape in layout.values()) for layout in learner.layouts]
    return [
        numbers[: sizes[layout]] for numbers, layout in zip(updates.parameters, updates.layouts.tolist(), strict=True)
    ]


def a_model(learner: Learner, seed: int = 0) -> Parameters:
    """What the server makes of what devices of the same learner have come to."""
    devices = new(type(learner), Rules(supervised=True, learning_rate=0.1))
    observe(devices, readings(100 + seed))
    strategy = STRATEGIES[learner.strategy]()
    contributions = [Contribution(devices.parameters(row), 100, 0) for row in range(DEVICES)]
    return strategy.step(strategy.init(), contributions)[1]


def layout_of(parameters: Parameters) -> Layout:
    return {name: array.shape for name, array in parameters.items()}


def assert_same_bits(ours: Said, theirs: Said) -> None:
    assert {name: column.tobytes() for name, column in ours.items()} == {
        name: column.tobytes() for name, column in theirs.items()
    }


@pytest.mark.parametrize("cuts", [range(COUNT), [1, 2, 400, 401], range(0, COUNT, 50)], ids=["ones", "few", "fifties"])
def test_batches_change_nothing(kind: type[Learner], rules: Rules, cuts: Iterable[int]) -> None:
    assert_same_bits(observe(new(kind, rules), readings()), observe(new(kind, rules), readings(), cuts))


def test_a_pickled_learner_goes_on_with_the_same_bits(kind: type[Learner], rules: Rules) -> None:
    learner = new(kind, rules)
    observe(learner, readings(0))
    learner.adopt(a_model(learner), version=3)
    observe(learner, readings(1), cuts=[300])
    thawed: Learner = pickle.loads(pickle.dumps(learner))
    assert_same_bits(observe(learner, readings(2)), observe(thawed, readings(2)))


def test_its_columns_are_its_state(kind: type[Learner], rules: Rules) -> None:
    learner, other = new(kind, rules), new(kind, rules)
    learner.adopt(a_model(learner), version=3)
    other.adopt(a_model(learner), version=3)
    observe(learner, readings(0))
    for name, column in learner.columns().items():
        assert len(column) == DEVICES
        other.columns()[name][...] = column
    assert_same_bits(observe(learner, readings(1)), observe(other, readings(1)))


def test_the_same_readings_give_the_same_bits_whatever_the_global_seed(kind: type[Learner], rules: Rules) -> None:
    first = observe(new(kind, rules), readings())
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002 - that nobody uses it is the point
    assert_same_bits(first, observe(new(kind, rules), readings()))
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def test_no_argument_is_changed(kind: type[Learner], rules: Rules) -> None:
    learner, (rows, values, labels, trainings) = new(kind, rules), readings()
    model = a_model(learner)
    arrays: list[NDArray[np.generic]] = [rows, values, labels, *trainings, *model.values()]
    before = [array.tobytes() for array in arrays]
    learner.adopt(model, version=1)
    judged, _ = learner.observe(rows, values, labels, trainings)
    learner.predict(judged, model)
    assert [array.tobytes() for array in arrays] == before


def test_what_was_adopted_may_be_changed_afterwards(kind: type[Learner], rules: Rules) -> None:
    learner, other = new(kind, rules), new(kind, rules)
    model = a_model(learner)
    learner.adopt(model, version=1)
    other.adopt(a_model(learner), version=1)
    for array in model.values():
        array[...] = np.nan
    assert_same_bits(observe(learner, readings()), observe(other, readings()))


def test_growing_changes_nothing(kind: type[Learner], rules: Rules) -> None:
    learner, other = new(kind, rules), new(kind, rules)
    for one in (learner, other):
        observe(one, readings(0))
    other.grow(3 * DEVICES, CHANNELS + 2)
    other.grow(1, 1)
    assert_same_bits(observe(learner, readings(1)), observe(other, readings(1)))


def test_judgements_fit_the_readings(kind: type[Learner], rules: Rules) -> None:
    learner, (rows, values, labels, trainings) = new(kind, rules), readings()
    judged, updates = learner.observe(rows, values, labels, trainings)
    assert judged.score.shape == judged.channel.shape == judged.z.shape == (COUNT,)
    assert judged.mean.shape == judged.std.shape == values.shape
    assert np.isfinite(judged.score).all()
    assert np.isfinite(judged.z).all()
    above = judged.score > learner.threshold
    assert learner.lasting or not (judged.anomalous & ~above).any()
    assert learner.paced or judged.anomalous.tolist() == above.tolist()
    assert learner.critical > learner.threshold
    assert not np.isnan(values[np.arange(COUNT), judged.channel]).any()
    for statistics in (judged.mean, judged.std):
        assert np.isnan(statistics).tolist() == np.isnan(values).tolist()
    assert np.nanmin(judged.std) > 0

    for parameters, layout in zip(updates.parameters, updates.layouts.tolist(), strict=True):
        size = sum(math.prod(shape) for shape in learner.layouts[layout].values())
        assert learner.misfit(unflatten(parameters[:size], learner.layouts[layout])) is None
        assert not parameters[size:].any()
    assert np.isfinite(updates.parameters).all()
    assert ((updates.accuracy >= 0) & (updates.accuracy <= 1)).all()
    assert (updates.loss >= 0).all()
    assert np.isfinite(updates.loss).all()


def test_how_often_a_device_speaks_moves_no_score(kind: type[Learner], rules: Rules) -> None:
    said, _ = new(kind, rules).observe(*readings())
    paced, _ = new(kind, rules).observe(*readings(), np.linspace(2.0, 90_000.0, COUNT))
    assert paced.score.tobytes() == said.score.tobytes()
    assert kind.paced == (said.thresholds is not None)
    if paced.thresholds is None:
        assert paced.anomalous.tobytes() == said.anomalous.tobytes()
    else:
        assert not (paced.anomalous & (paced.score <= paced.thresholds)).any()


def test_no_alarm_before_scoring_starts(kind: type[Learner], rules: Rules) -> None:
    learner, (rows, values, labels, trainings) = new(kind, rules), readings()
    learner.adopt({name: array + 9.0 for name, array in a_model(learner).items()}, version=1)
    judged, _ = learner.observe(rows, values, labels, trainings)
    for row in range(DEVICES):
        mine = np.flatnonzero(rows == row)[: rules.min_readings]
        assert not judged.anomalous[mine].any()
        assert not judged.z[mine].any()


def test_a_judgement_depends_on_nothing_that_comes_later(kind: type[Learner], rules: Rules) -> None:
    whole = readings()
    first, _ = new(kind, rules).observe(*part(whole, 0, 300))
    changed = whole[1].copy()
    changed[300:] *= -7.0
    judged, _ = new(kind, rules).observe(whole[0], changed, *whole[2:])
    assert_same_bits(
        {name: column for name, column in first._asdict().items() if column is not None},
        {name: column[:300] for name, column in judged._asdict().items() if column is not None},
    )


def test_ground_truth_is_not_seen_unless_it_is_supervised(kind: type[Learner], rules: Rules) -> None:
    rows, values, labels, trainings = readings()
    blind = observe(new(kind, rules), (rows, values, np.full(COUNT, -1, np.int8), trainings))
    seeing = observe(new(kind, rules), (rows, values, labels, trainings))
    if not rules.supervised:
        assert_same_bits(blind, seeing)


def test_an_update_is_the_device_s_own_model(kind: type[Learner], rules: Rules) -> None:
    learner, whole = new(kind, rules), readings()
    trainings = whole[3]
    _, updates = learner.observe(*part(whole, 0, int(trainings.positions[-1])))
    row, layout = int(trainings.rows[-1]), learner.layouts[updates.layouts[-1]]
    parameters = learner.parameters(row)
    assert layout_of(parameters) == layout
    right = flatten(parameters, layout).tolist()
    assert updates.parameters[-1, : len(right)].tolist() == right
    for array in parameters.values():
        array[...] = np.nan
    assert flatten(learner.parameters(row), layout).tolist() == right


def test_trainings_start_from_the_global_model_that_is_newest_when_they_begin(kind: type[Learner]) -> None:
    learner, whole = new(kind, Rules()), readings()
    middle = int(whole[3].positions[12])
    learner.observe(*part(whole, 0, middle))
    learner.adopt(a_model(learner), version=8)
    _, updates = learner.observe(*part(whole, middle, COUNT))
    # The device that has just trained begins anew; the others finish what they have begun.
    assert np.count_nonzero(updates.global_versions == 0) == DEVICES - 1
    assert np.count_nonzero(updates.global_versions == 8) == len(updates.global_versions) - (DEVICES - 1)


def test_parameters_flat_and_named_are_the_same(kind: type[Learner], rules: Rules) -> None:
    learner = new(kind, rules)
    model = a_model(learner)
    layout = layout_of(model)
    flat = flatten(model, layout)
    assert flat.dtype == np.float64
    named = unflatten(flat, layout)
    assert named.keys() == model.keys()
    for name, array in model.items():
        assert named[name].tolist() == array.tolist()
    shuffled = dict(reversed(model.items()))
    assert flatten(shuffled, layout).tolist() == flat.tolist()


def test_a_model_is_a_point_and_every_point_is_a_model(kind: type[Learner], rules: Rules) -> None:
    learner = new(kind, rules)
    model = {name: array for name, array in a_model(learner).items() if not name.startswith(PEERS)}
    layout = layout_of(model)
    flat = flatten(model, layout)
    point = learner.space.point(flat, layout)
    np.testing.assert_allclose(learner.space.at(point, flat, layout), flat, rtol=1e-9)
    rng = np.random.default_rng(0)
    for scale in (0.1, 10.0, 1e6):
        moved = learner.space.at(point + rng.normal(0, scale, point.shape), flat, layout)
        assert learner.misfit(unflatten(moved, layout)) is None


@pytest.mark.parametrize("fault", ["missing", "unknown", "shape", "longer", "nan", "infinite"])
def test_a_global_model_that_does_not_fit_is_refused(kind: type[Learner], fault: str) -> None:
    learner, other = new(kind, Rules()), new(kind, Rules())
    whole = a_model(learner)
    for part_name in [name for name in whole if not name.startswith(PEERS)]:  # an update has none
        model = a_model(learner)
        name = part_name
        if fault == "missing":
            del model[name]
        elif fault == "unknown":
            name = "stranger"
            model[name] = np.zeros(1)
        elif fault == "shape":
            model[name] = model[name][None]
        elif fault == "longer":
            model[name] = np.append(model[name].ravel(), 0.0)
        else:
            model[name].flat[-1] = np.nan if fault == "nan" else -np.inf
        assert name in str(learner.misfit(model))
        with pytest.raises(ValueError, match=re.escape(name)):
            learner.adopt(model, version=1)
        judged, _ = other.observe(*readings())
        with pytest.raises(ValueError, match=re.escape(name)):
            other.predict(judged, model)
    assert_same_bits(observe(learner, readings()), observe(new(kind, Rules()), readings()))


def test_predictions_are_probabilities(kind: type[Learner], rules: Rules) -> None:
    learner = new(kind, rules)
    judged, _ = learner.observe(*readings())
    for seed in range(3):
        probability = learner.predict(judged, a_model(learner, seed))
        assert probability.shape == (COUNT,)
        assert ((probability >= 0) & (probability <= 1)).all()
    some = np.array([5, 3, 700])
    assert learner.predict(judged.part(some), a_model(learner, 2)).tobytes() == probability[some].tobytes()
    assert learner.predict(judged.part(some[:0]), a_model(learner)).shape == (0,)
