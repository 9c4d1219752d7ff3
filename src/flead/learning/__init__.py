"""The mathematics: arrays in, arrays out. No I/O, no clock, no logging, no global random state."""
