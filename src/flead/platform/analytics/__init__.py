"""The hourly analysis on Spark."""
