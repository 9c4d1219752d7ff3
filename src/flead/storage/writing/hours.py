"""The hourly analytics in the store: hours that arrive in parts, merged exactly."""

from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import Cursor

from flead.records import to_text
from flead.storage.text import clean

Row = tuple[int, str, str, int, int, int, float, float, float, float, float, float, float]
"""A part of a device's hour, as the columns of ``device_hours`` stand.

The hour in milliseconds since the epoch, device, channel, broker, readings, anomalies, minimum, maximum,
mean, square sum, mean and square sum of the time in hours since the hour's beginning, product sum.
"""

_COPY: LiteralString = """
    COPY new_hours (hour, device_id, channel, broker_id, readings, anomalies, minimum, maximum, mean, square_sum,
                    time_mean, time_square_sum, product_sum) FROM STDIN
"""


def merge_hours(cursor: Cursor[Any], rows: Iterable[Row]) -> None:
    """Add parts of hours to what is stored of them, in the caller's transaction.

    ``rows`` has a device's channel and hour at most once. A part may have anomalies and no readings: its minimum is
    infinity, its maximum minus infinity, its moments 0; the views show an hour once it has readings. Moments merge as
    Chan, Golub and LeVeque give it for sums of squares ("Updating formulae and a pairwise algorithm for computing
    sample variances", 1979): of a and b readings whose means are d apart, ``S = S_a + S_b + d^2 a b / (a + b)``, and
    the sum of products likewise with both distances.
    """
    cursor.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS new_hours (LIKE device_hours INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
    )
    cursor.execute("TRUNCATE new_hours")
    with cursor.copy(_COPY) as copy:
        for hour, device, channel, *numbers in rows:
            copy.write_row((to_text(hour), clean(device), clean(channel), *numbers))
    # In the order of the key, so that two writers never wait for each other in a circle.
    cursor.execute("""
        INSERT INTO device_hours AS h SELECT * FROM new_hours ORDER BY device_id, channel, hour
        ON CONFLICT (device_id, channel, hour) DO UPDATE SET
            broker_id = excluded.broker_id,
            readings = h.readings + excluded.readings,
            anomalies = h.anomalies + excluded.anomalies,
            minimum = least(h.minimum, excluded.minimum),
            maximum = greatest(h.maximum, excluded.maximum),
            mean = h.mean + (excluded.mean - h.mean) * excluded.readings / greatest(h.readings + excluded.readings, 1),
            time_mean = h.time_mean
                + (excluded.time_mean - h.time_mean) * excluded.readings / greatest(h.readings + excluded.readings, 1),
            square_sum = h.square_sum + excluded.square_sum + (excluded.mean - h.mean) * (excluded.mean - h.mean)
                * h.readings * excluded.readings / greatest(h.readings + excluded.readings, 1),
            time_square_sum = h.time_square_sum + excluded.time_square_sum
                + (excluded.time_mean - h.time_mean) * (excluded.time_mean - h.time_mean)
                * h.readings * excluded.readings / greatest(h.readings + excluded.readings, 1),
            product_sum = h.product_sum + excluded.product_sum
                + (excluded.mean - h.mean) * (excluded.time_mean - h.time_mean)
                * h.readings * excluded.readings / greatest(h.readings + excluded.readings, 1)
        """)
