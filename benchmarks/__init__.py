"""Measurements with permanent names: ``make bench``."""
