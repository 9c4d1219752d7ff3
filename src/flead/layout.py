"""Where the platform keeps its files.

    DATA_DIR/platform/
      commands.lock      held while `flead up` or `flead down` changes something
      supervisor.lock    held by the supervisor while it lives; contains its process id
      state.json         the state of all services, written by the supervisor
      learnt.json        the learner that the devices have been trained with
      producer.json      the producer's position in its source
      logs/NAME.log      output of a service; NAME.log.1 ... are older
      kafka/broker-N/    a broker's configuration and its data
      flink/             configuration, class path, checkpoints, savepoints, temporary files
      spark/             configuration, checkpoints, the Java that it starts, working directories
      database/          the embedded Postgres
      grafana/           Grafana's data
      mqtt/              the MQTT broker's configuration, and its retained messages
    CACHE_DIR/jars/      downloads, shared by all platforms of this user

All of it may be deleted while the platform is down.
"""

from dataclasses import dataclass
from pathlib import Path

from flead.settings.directories import DirectorySettings


@dataclass(frozen=True, slots=True)
class Layout:
    """The directories of one platform, absolute."""

    root: Path
    cache: Path

    @classmethod
    def of(cls, settings: DirectorySettings) -> "Layout":
        """The layout for these settings; nothing is created yet."""
        return cls(
            settings.data_dir.expanduser().absolute() / "platform", settings.cache_dir.expanduser().absolute() / "jars"
        )

    @property
    def command_lock(self) -> Path:
        """Held while a command changes something."""
        return self.root / "commands.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor."""
        return self.root / "supervisor.lock"

    @property
    def state(self) -> Path:
        """The state of all services, written by the supervisor."""
        return self.root / "state.json"

    @property
    def learnt(self) -> Path:
        """The learner that the devices have been trained with."""
        return self.root / "learnt.json"

    @property
    def kafka(self) -> Path:
        """The brokers' directories."""
        return self.root / "kafka"

    @property
    def flink(self) -> Path:
        """Flink's configuration and state."""
        return self.root / "flink"

    @property
    def spark(self) -> Path:
        """Spark's configuration and state."""
        return self.root / "spark"

    @property
    def spark_checkpoints(self) -> Path:
        """Checkpoints of Spark's queries."""
        return self.spark / "checkpoints"

    @property
    def producer_position(self) -> Path:
        """The producer's position in its source."""
        return self.root / "producer.json"

    @property
    def grafana(self) -> Path:
        """Grafana's data."""
        return self.root / "grafana"

    @property
    def mqtt(self) -> Path:
        """The MQTT broker's configuration and its data."""
        return self.root / "mqtt"

    @property
    def database(self) -> Path:
        """The data directory of the embedded Postgres."""
        return self.root / "database"

    def log(self, service: str) -> Path:
        """The newest log of a service."""
        return self.root / "logs" / f"{service}.log"
