"""The commands: they read settings, call a part of FLEAD, and print."""
