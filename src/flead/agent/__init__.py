"""The edge agent: a shard where the readings are made. Local updates and alarms leave it, readings do not."""
