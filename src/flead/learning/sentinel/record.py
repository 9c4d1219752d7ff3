"""Where the sentinel's numbers lie: the records of a signal (a device's channel), of a device, and of its twin."""

from flead.learning.tail.prediction import LAGS, ORDER
from flead.learning.tail.tails import SIZE_OF_TAIL
from flead.learning.tail.views import FILTER, SIZE_OF_VIEWS, VIEWS

LOOKS = (
    *VIEWS,
    "short mean", "medium mean", "long mean", "relation", "relation mean", "energy", "joint energy", "distance",
    "local value", "local mean",
)  # fmt: skip
"""The views of a reading of a channel: those of ``views``, then those of ``reference`` and ``relations``."""
KINDS = len(LOOKS)
QUICK = len(VIEWS)
"""The first so many look at the moment, the others at what lasts."""
SHORT, MEDIUM, LONG, RELATION, RELATION_MEAN, ENERGY, JOINT, DISTANCE, LOCAL, LOCAL_MEAN = range(QUICK, KINDS)

(
    SEEN, MEAN, VARIANCE, MEANS, WANDERS, NEAR, NEAR_SQUARE, SMOOTH, SMOOTH_SQUARE, HEAT, MEAN_HEAT, RELATED,
    RELATED_MEAN, RELATED_MEAN_SQUARE, HELD,
) = (
    SIZE_OF_VIEWS + place for place in (0, 1, 2, 3, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
)  # fmt: skip
"""Of a signal's reference: readings, mean and variance; three moving means of z and their mean squares (three places
each); the mean of about the last 50 readings and the mean square deviation from it; the mean of about the last 4 and
its; the mean square of the last errors and the mean of its logarithm; of what the other channels do not explain the
mean square, the moving mean and its mean square; and what is left of the rarity of the last crossing."""
TAILS = SIZE_OF_VIEWS + 19
MOMENT, LASTING = TAILS + KINDS * SIZE_OF_TAIL, TAILS + (KINDS + 1) * SIZE_OF_TAIL
"""A tail of every view, one of the evidence of the moment and one of the evidence of what lasts."""
SIZE_OF_SIGNAL = TAILS + (KINDS + 2) * SIZE_OF_TAIL

TWIN_VIEWS, TWIN_LAGS = FILTER, FILTER + ORDER
SIZE_OF_TWIN = TWIN_LAGS + TAILS - SIZE_OF_VIEWS
"""What a twin has of its own: all that changes quickly. Tails, season and the predictor's weights are its channel's."""
FIRST_LAG = FILTER + LAGS

(
    READINGS, SEED, JOINT_HEAT, MEAN_JOINT_HEAT, DISTANCES, MEAN_DISTANCES, UNREST, LOCKED, KNOWN_CHANNELS,
    KIND, CHANNEL, AGE, LENGTH, SIZE, BASE, CENTRE, BACK, WAIT, TWIN_JOINT, TWIN_DISTANCES, TWIN_UNREST, TWIN_LOCKED,
    PEAK, CALM, CAUTION, TREND, EVENT,
    ROWS, ORIGIN, BORN, LOSS, RIGHT, PAIRS, SIZE_OF_DEVICE,
) = range(34)  # fmt: skip
"""Of a device: its readings and its seed; the two energies of all channels and the means of their logarithms; its
unrest, readings that it was locked for, and the most channels that a reading had. Of its twin: the kind of fault (0:
there is none) and its channel, age and length, size, the value and the mean at its beginning, how far it reaches back,
the reading at which the next begins, and its own energies and unrest. Of its event: the highest score, readings since,
caution, the moving mean of the rareness, and whether one goes on. Of its training: readings, the global model it began
with, whether the device has a model, the loss, right answers and pairs."""

LOGITS, SUMS, CALIBRATIONS = range(3)
"""A device's own tails: of the logits, and of the sum of the voices."""
