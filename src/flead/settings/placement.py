"""Which broker and which partition a device's readings belong to."""

from pydantic import Field, ValidationInfo, field_validator

from flead.settings.section import Section


class PlacementSettings(Section):
    """Which broker and which partition a device's readings belong to."""

    brokers: int = Field(4, ge=1, description="Kafka brokers that devices are placed on.")
    devices_per_broker: int = Field(600, ge=1, description="Consecutive device numbers that share a broker.")
    partitions: int = Field(16, ge=1, description="Partitions that devices are placed on; a multiple of brokers.")

    @field_validator("partitions")
    @classmethod
    def _same_number_on_every_broker(cls, partitions: int, info: ValidationInfo) -> int:
        brokers = info.data.get("brokers", 1)
        if partitions % brokers:
            raise ValueError(f"not a multiple of brokers = {brokers}: each broker leads the same number of partitions")
        return partitions
