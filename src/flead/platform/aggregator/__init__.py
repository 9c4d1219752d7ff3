"""The aggregator: local updates in, global models out, exactly once."""
