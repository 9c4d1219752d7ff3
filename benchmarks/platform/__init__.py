"""What the platform does on this machine: ``python -m benchmarks.platform``, where the platform is installed."""
