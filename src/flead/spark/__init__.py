"""The auditor on Spark: shard, evaluation and store put together where Spark hands a partition's messages over."""
