"""A shard of devices learning from its readings."""
