"""The training job: a shard of devices for every partition of readings, on Flink, Kafka to Kafka, exactly once.

Flink's SQL gathers a partition's messages for a tenth of a second, so that Python is called once for hundreds of
readings and not once for each. Their values are handed on as the bytes that they are.
"""

from collections.abc import Iterable, Iterator

from pydantic import SecretStr
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.functions import RuntimeContext
from pyflink.datastream.state import MapStateDescriptor
from pyflink.table import StatementSet, StreamTableEnvironment

from flead.bus.clients import java_options
from flead.codec.frames import FIELD, LATIN_1, MESSAGE
from flead.platform.training.partition import KEY, Partition
from flead.settings import SECRETS, Settings
from flead.topics import ANOMALIES, DEAD_LETTERS, GLOBAL_MODELS, LOCAL_UPDATES, READINGS

GATHER_SECONDS = 0.1
TRANSACTION_SECONDS = 900
"""Seconds after which brokers abort an abandoned transaction: the longest that they allow."""


class Training(KeyedProcessFunction):
    """Hands a partition's messages to its shard, and keeps the shard's state in Flink's."""

    def __init__(self, settings: Settings) -> None:
        # The job graph can be read by anyone who can open Flink's web page.
        self._settings = settings.model_copy(update=dict.fromkeys(SECRETS, SecretStr("")))
        self._partitions: dict[int, Partition] = {}

    def open(self, runtime_context: RuntimeContext) -> None:
        """Called by Flink before the first element, also after every failure."""
        self._state = runtime_context.get_map_state(
            MapStateDescriptor("shard", Types.STRING(), Types.PICKLED_BYTE_ARRAY())
        )

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """One gathering of a partition's readings, or global models for it."""
        number, models, values, heads = value
        partition = self._partitions.get(number)
        if partition is None:
            # Flink provides a key's state only while an element of this key is processed.
            partition = self._partitions[number] = Partition(self._settings, dict(self._state.items()))
        produced = partition.adopt(values, heads) if models else partition.observe(values, heads)
        for key, part in partition.changed().items():
            self._state.put(key, part)
        if models and number:
            return  # an invalid model is reported once, not by every partition
        if any(produced):
            yield Row(number, GLOBAL_MODELS if models else READINGS, *produced)


def build(settings: Settings, environment: StreamTableEnvironment) -> StatementSet:
    """The job's tables and its one function; returns the statements to execute."""
    for statement in (*_sources(settings), *_sinks(settings)):
        environment.execute_sql(statement)
    gathered = environment.to_data_stream(environment.sql_query(_gathering()))
    types = Types.ROW_NAMED(
        ["number", "origin", "anomalies", "updates", "letters"],
        [Types.INT(), Types.STRING(), Types.STRING(), Types.STRING(), Types.STRING()],
    )
    produced = gathered.key_by(lambda row: row[0], key_type=Types.INT()).process(Training(settings), output_type=types)
    environment.create_temporary_view("produced", environment.from_data_stream(produced))
    statements = environment.create_statement_set()
    for insert in _inserts():
        statements.add_insert_sql(insert)
    return statements


def _sources(settings: Settings) -> Iterable[str]:
    everybody = f", partitions AS ARRAY[{', '.join(map(str, range(settings.partitions)))}]"
    for name, topic, more in ("readings", READINGS, ""), ("global_models", GLOBAL_MODELS, everybody):
        options = {
            "connector": "kafka",
            "topic": topic,
            **{f"properties.{name}": value for name, value in java_options(settings).items()},
            "properties.group.id": "training",
            "properties.isolation.level": "read_committed",
            # Several such portions wait on the heap: of messages of 8 KB, a hundred readings each, 50 MB.
            "properties.max.poll.records": "1000",
            "scan.startup.mode": "earliest-offset",
            "key.format": "raw",
            "key.raw.charset": LATIN_1,
            "key.fields": "k",
            "value.format": "raw",
            "value.fields-include": "EXCEPT_KEY",
        }
        yield (
            f"CREATE TEMPORARY TABLE {name} (k STRING, v BYTES, p INT METADATA FROM 'partition' VIRTUAL,"
            f" o BIGINT METADATA FROM 'offset' VIRTUAL, arrived AS PROCTIME(){more}) WITH ({_listed(options)})"
        )


def _gathering() -> str:
    """(partition, whether these are global models, values, heads). Every partition gets every global model."""
    value, head = "COALESCE(v, X'')", f"CONCAT(CAST(o AS STRING), '{FIELD}', COALESCE(k, ''))"
    return f"""
        SELECT p, FALSE, ARRAY_AGG({value}), CAST(ARRAY_JOIN(ARRAY_AGG({head}), '{MESSAGE}') AS BYTES)
        FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(arrived), INTERVAL '{GATHER_SECONDS}' SECOND))
        GROUP BY p, window_start, window_end
        UNION ALL
        SELECT number, TRUE, ARRAY[{value}], CAST({head} AS BYTES)
        FROM global_models CROSS JOIN UNNEST(partitions) AS each_partition (number)
    """


def _sinks(settings: Settings) -> Iterable[str]:
    for name, topic, guarantee, charset, more in (
        ("anomalies", ANOMALIES, settings.anomaly_delivery, "UTF-8", ""),
        ("updates", LOCAL_UPDATES, "exactly-once", "UTF-8", ""),
        ("letters", DEAD_LETTERS, "exactly-once", LATIN_1, ", headers MAP<STRING, BYTES> METADATA"),
    ):
        options = {
            "connector": "kafka",
            "topic": topic,
            **{f"properties.{name}": value for name, value in java_options(settings).items()},
            "properties.transaction.timeout.ms": str(TRANSACTION_SECONDS * 1000),
            "properties.linger.ms": "50",
            "properties.compression.type": "zstd",
            "sink.delivery-guarantee": guarantee,
            "sink.transactional-id-prefix": f"training-{topic}",
            "sink.transaction-naming-strategy": "pooling",  # the other strategy uses new names for ever
            "key.format": "raw",
            "key.raw.charset": charset,
            "key.fields": "k",
            "value.format": "raw",
            "value.raw.charset": charset,
            "value.fields-include": "EXCEPT_KEY",
        }
        yield f"CREATE TEMPORARY TABLE to_{name} (k STRING, v STRING{more}) WITH ({_listed(options)})"


def _inserts() -> Iterable[str]:
    for name in "anomalies", "updates":
        yield f"""
            INSERT INTO to_{name} SELECT SPLIT_INDEX(line, '{KEY}', 0), SPLIT_INDEX(line, '{KEY}', 1)
            FROM produced CROSS JOIN UNNEST(SPLIT({name}, '\n')) AS lines (line) WHERE {name} <> ''
        """
    part = [f"SPLIT_INDEX(letter, '{FIELD}', {i})" for i in range(4)]
    headers = {
        "topic": "CAST(origin AS BYTES)",
        "partition": "CAST(CAST(number AS STRING) AS BYTES)",
        "offset": f"ENCODE({part[0]}, '{LATIN_1}')",
        "reason": f"ENCODE({part[1]}, '{LATIN_1}')",
    }
    mapped = ", ".join(f"'{name}', {value}" for name, value in headers.items())
    yield f"""
        INSERT INTO to_letters SELECT {part[2]}, {part[3]}, MAP[{mapped}]
        FROM produced CROSS JOIN UNNEST(SPLIT(letters, '{MESSAGE}')) AS lines (letter) WHERE letters <> ''
    """


def _listed(options: dict[str, str]) -> str:
    return ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
