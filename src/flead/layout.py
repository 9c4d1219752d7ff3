"""Where the platform keeps its files.

    DATA_DIR/platform/
      commands.lock      held while `flead up` or `flead down` changes something
      supervisor.lock    held by the supervisor as long as it lives; its process id is in it
      state.json         what the supervisor says of its services
      learnt.json        the learner that the devices have learnt with
      producer.json      how far the producer has sent its source
      logs/NAME.log      what a service prints; NAME.log.1 ... are older
      kafka/broker-N/    a broker's configuration and its data
      flink/             configuration, class path, checkpoints, savepoints, temporary files
      spark/             configuration, checkpoints, the Java that it starts, working directories
      database/          the embedded Postgres
      grafana/           what Grafana keeps
      mqtt/              the MQTT broker's configuration, and its retained messages
    CACHE_DIR/jars/      what has been downloaded, for all platforms of this user

While the platform is down, all of it may be deleted.
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
        """The layout that these settings ask for; nothing is made yet."""
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
        """What the supervisor says of its services."""
        return self.root / "state.json"

    @property
    def learnt(self) -> Path:
        """What the devices have learnt with."""
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
        """How far Spark's queries have read."""
        return self.spark / "checkpoints"

    @property
    def producer_position(self) -> Path:
        """How far the producer has sent its source."""
        return self.root / "producer.json"

    @property
    def grafana(self) -> Path:
        """What Grafana keeps."""
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
