"""A shard of devices as columns: when each trains, what it flags, and its state as bytes."""
