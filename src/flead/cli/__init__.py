"""The commands: each reads the settings, calls a part of FLEAD and prints the result."""
