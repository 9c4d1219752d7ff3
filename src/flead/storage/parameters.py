"""A model's parameters as stored: one flat array, and a layout that describes it."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod

import msgspec

from flead.records import Parameters

Layout = Mapping[str, tuple[int, ...]]
"""The shape of each part, in the order of the array: ``Learner.layouts``."""


def flatten(parameters: Parameters) -> tuple[list[float], str]:
    """The numbers of all parts one after another, and their layout as text.

    >>> flatten({"weights": [0.5, 0.25], "bias": [0.0]})
    ([0.5, 0.25, 0.0], '{"weights":[2],"bias":[1]}')
    """
    layout = {name: (len(numbers),) for name, numbers in parameters.items()}
    return [float(number) for number in chain.from_iterable(parameters.values())], layout_text(layout)


def size(layout: Layout) -> int:
    """How many numbers a model of this layout has."""
    return sum(prod(shape) for shape in layout.values())


def layout_text(layout: Layout) -> str:
    """The stored form of a layout."""
    return msgspec.json.encode(dict(layout)).decode()


def unflatten(numbers: Sequence[float], layout: str) -> Parameters:
    """The parts by name, each flat: the inverse of :func:`flatten`."""
    parameters: Parameters = {}
    start = 0
    for name, shape in msgspec.json.decode(layout, type=dict[str, tuple[int, ...]]).items():
        stop = start + prod(shape)
        parameters[name] = list(numbers[start:stop])
        start = stop
    return parameters


class Difference(msgspec.Struct):
    """One number of two models; None where a model does not have it."""

    name: str
    """``weights[2]``; a parameter that is a single number has no index."""
    first: float | None
    second: float | None
    change: float | None


def differences(first: Parameters, second: Parameters) -> list[Difference]:
    """Every number of two models beside each other, in the order of the first one's layout.

    >>> [(d.name, d.change) for d in differences({"w": [1.0, 2.0]}, {"w": [1.0, 1.5]})]
    [('w[0]', 0.0), ('w[1]', -0.5)]
    """
    found = []
    for name in first | second:
        old, new = first.get(name, []), second.get(name, [])
        for i in range(max(len(old), len(new))):
            one, other = (values[i] if i < len(values) else None for values in (old, new))
            change = None if one is None or other is None else other - one
            found.append(Difference(name if max(len(old), len(new)) == 1 else f"{name}[{i}]", one, other, change))
    return found
