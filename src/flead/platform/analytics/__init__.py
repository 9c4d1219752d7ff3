"""The hourly analytics on Spark."""
