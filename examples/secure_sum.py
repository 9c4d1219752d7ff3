"""A round of secure aggregation: the server gets the devices' mean and no device's update, though one falls silent.

Run it with ``python examples/secure_sum.py``; it needs the extra ``privacy``.
"""

import numpy as np

from flead.learning.strategies import STRATEGIES, Contribution
from flead.privacy.fixed_point import decode, encode
from flead.privacy.secure_sum import Client, Server

DEVICES, THRESHOLD, PARAMETERS = 5, 3, 4

# What the devices have come to: the parameters of a model, each made of so many readings.
rng = np.random.default_rng(7)
models = {device: rng.normal(0.0, 1.0, PARAMETERS).round(3) for device in range(1, DEVICES + 1)}
samples = {device: 10 * device for device in models}

clients = {device: Client(device, THRESHOLD) for device in models}
server = Server(THRESHOLD, length=PARAMETERS + 1)

# 1. Everybody advertises keys; 2. shares secrets among all, sealed, through the server.
listed = server.keys(client.advertise() for client in clients.values())
sealed = server.route({device: client.share(listed) for device, client in clients.items()})

# 3. Updates are masked. Device 4 falls silent: its update never comes.
masked = {
    device: client.mask(encode(models[device], samples[device], most=DEVICES), sealed[device])
    for device, client in clients.items()
    if device != 4
}
came = server.collect(masked)
print(f"updates came of devices {sorted(came)}")
print(f"device 1 sent {models[1].tolist()}; the server saw {[int(number) for number in masked[1][:2]]} ...")

# 4. Those still there reveal what takes the other masks away, and the sum is left.
mean = decode(server.total(clients[device].reveal(came) for device in came))
print(f"their mean is {mean.parameters.round(6).tolist()}, made of {mean.samples} readings")

# It is what FedAvg makes of the same updates in the clear.
fedavg = STRATEGIES["fedavg"]()
_, clear = fedavg.step(fedavg.init(), [Contribution({"w": models[d]}, samples[d], 0) for d in sorted(came)])
print(f"FedAvg in the clear: {clear['w'].round(6).tolist()}")
assert np.abs(mean.parameters - clear["w"]).max() < 1e-6
