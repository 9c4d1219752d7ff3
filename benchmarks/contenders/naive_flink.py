"""What one writes first on Flink: a keyed process function that is called for every reading.

``python naive_flink.py BOOTSTRAP REST_PORT PARALLELISM ANOMALIES UPDATES`` submits the job and prints its id.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from plain_device import Device
from pyflink.common import Configuration, Row, Types
from pyflink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.functions import RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment


class Detect(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self._device = runtime_context.get_state(ValueStateDescriptor("device", Types.PICKLED_BYTE_ARRAY()))

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        reading = json.loads(value[0])
        name, number, timestamp = reading["device_id"], reading["data"], reading["timestamp"]
        device = self._device.value() or Device(name, number, timestamp)
        for topic, record in zip(("anomalies", "updates"), device.observe(number, timestamp), strict=True):
            if record is not None:
                yield Row(topic, name, json.dumps(record))
        self._device.update(device)


def main(bootstrap: str, port: str, parallelism: str, anomalies: str, updates: str) -> None:
    configuration = Configuration()
    for name, value in {
        "pipeline.name": "naive",
        "python.execution-mode": "thread",
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "execution.checkpointing.interval": "2 s",
    }.items():
        configuration.set_string(name, value)
    gateway = get_gateway()
    remote = gateway.jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment.createRemoteEnvironment(
        "127.0.0.1", int(port), configuration._j_configuration, gateway.new_array(gateway.jvm.String, 0)
    )
    environment = StreamExecutionEnvironment(remote)
    environment.set_parallelism(int(parallelism))
    environment.add_python_file(str(Path(__file__).with_name("plain_device.py")))
    tables = StreamTableEnvironment.create(environment)
    tables.execute_sql(f"""
        CREATE TEMPORARY TABLE readings (v STRING) WITH ('connector' = 'kafka', 'topic' = 'edge-iiot-stream',
            'properties.bootstrap.servers' = '{bootstrap}', 'properties.group.id' = 'naive',
            'scan.startup.mode' = 'earliest-offset', 'format' = 'raw')
    """)
    stream = tables.to_data_stream(tables.from_path("readings"))
    keyed = stream.key_by(lambda row: json.loads(row[0])["device_id"], key_type=Types.STRING())
    types = Types.ROW_NAMED(["topic", "k", "v"], [Types.STRING(), Types.STRING(), Types.STRING()])
    tables.create_temporary_view("found", tables.from_data_stream(keyed.process(Detect(), output_type=types)))
    statements = tables.create_statement_set()
    for name, topic in ("anomalies", anomalies), ("updates", updates):
        tables.execute_sql(f"""
            CREATE TEMPORARY TABLE to_{name} (k STRING, v STRING) WITH ('connector' = 'kafka', 'topic' = '{topic}',
                'properties.bootstrap.servers' = '{bootstrap}', 'properties.transaction.timeout.ms' = '900000',
                'properties.linger.ms' = '50', 'sink.delivery-guarantee' = 'exactly-once',
                'sink.transactional-id-prefix' = 'naive-{name}', 'key.format' = 'raw', 'key.fields' = 'k',
                'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY')
        """)
        statements.add_insert_sql(f"INSERT INTO to_{name} SELECT k, v FROM found WHERE topic = '{name}'")
    print(statements.execute().get_job_client().get_job_id())


if __name__ == "__main__":
    main(*sys.argv[1:])
