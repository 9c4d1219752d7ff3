"""``python -m flead.platform.training.submit [STATE]``: submit the training job, restored from STATE; print its id.

It is a process of its own, because PyFlink starts a JVM that is idle once the job is submitted.
"""

import sys

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment

from flead import settings
from flead.platform.training.job import build
from flead.platform.training.service import JOB
from flead.settings import Settings


def submit(settings: Settings, state: str | None) -> str:
    """Submit the job to the cluster; returns its id. ``state`` is the savepoint or checkpoint to restore."""
    configuration = Configuration()
    for name, value in _configuration(settings, state).items():
        configuration.set_string(name, value)
    gateway = get_gateway()
    # PyFlink's own way to an environment starts a cluster inside this process where it does not find one.
    remote = gateway.jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment.createRemoteEnvironment(
        settings.flink_host,
        settings.flink_port,
        configuration._j_configuration,
        gateway.new_array(gateway.jvm.String, 0),
    )
    environment = StreamExecutionEnvironment(remote)
    environment.set_parallelism(settings.parallelism)
    statements = build(settings, StreamTableEnvironment.create(environment))
    return str(statements.execute().get_job_client().get_job_id())


def _configuration(settings: Settings, state: str | None) -> dict[str, str]:
    configuration = {
        "pipeline.name": JOB,
        "python.execution-mode": "thread",
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        # Otherwise every line of a gathering would carry a copy of the whole gathering from operator to operator.
        "pipeline.object-reuse": "true",
        "execution.checkpointing.interval": f"{round(settings.checkpoint_seconds * 1000)} ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.timeout": "2 min",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.tolerable-failed-checkpoints": "10",
    }
    if state:
        configuration |= {"execution.state-recovery.path": state, "execution.state-recovery.claim-mode": "CLAIM"}
    return configuration


if __name__ == "__main__":
    chosen, _ = settings.load()
    try:
        print(submit(chosen, sys.argv[1] if len(sys.argv) > 1 else None))  # noqa: T201 - the answer
    except Exception as error:  # Java's message is one line, Python's a hundred
        sys.exit(str(getattr(error, "java_exception", error)))
