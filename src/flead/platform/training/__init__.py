"""The training job on Flink, and the service that keeps it running."""
