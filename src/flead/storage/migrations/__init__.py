"""The schema, as SQL files in the order of their names, and the code that applies them."""
