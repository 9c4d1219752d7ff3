"""The schema, as SQL files in the order of their names, and what brings a database to it."""
