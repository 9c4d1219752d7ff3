"""Averaging of devices that are held near the global model while they train.

Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith, "Federated Optimization in Heterogeneous Networks", MLSys 2020,
Algorithm 2: a device minimises F_i(w) + mu/2 |w - w_t|^2, where w_t is the global model that it started from, so
that a step of gradient descent is

    w <- w - rate (gradient of F_i + mu (w - w_t)).

The devices do that (``Rules.proximal`` is mu); the server's part is federated averaging.
"""

from dataclasses import dataclass

from flead.learning.strategies.fedavg import FedAvg


@dataclass(frozen=True)
class FedProx(FedAvg):
    """The mean of the updates, weighted by samples; the devices that make them train with a proximal term."""

    name = "fedprox"
