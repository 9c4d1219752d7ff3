"""What the package knows before a device's first reading: made by ``python -m benchmarks.pretrain``, not by hand."""

USUAL = ((14.3, 4.84), (19.72, 4.76), (11.48, 0.3), (11.33, 2.23))
"""What each voice says of signals that nothing happens to: the 98 % quantile, and the mean excess above it."""

TAUGHT = 326_304.0
"""Readings that the shared model was taught by."""

MODEL = (
    0.1332, 0.5659, 1.2286, -0.0661, -0.3445, 0.5675, 0.2796, -0.2021, -0.3523,
    0.4183, 0.5937, -0.0278, 0.4435, 0.2198, -1.0552, 0.6279, -0.1292, 0.4483,
    -0.7573, 0.3153, -0.0489, 0.6321, -0.0364, 0.2892, 0.2514, 0.7271, 1.0307,
    -1.1491, 0.3193, 1.1343, -0.7063, 0.5089, 0.4918, 0.2407, -0.1493, -0.1980,
    -3.8690,
)  # fmt: skip
"""Weights and bias."""
