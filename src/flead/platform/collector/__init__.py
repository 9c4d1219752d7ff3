"""The collector: everything on the bus into the database, exactly once."""
