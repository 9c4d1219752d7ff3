"""The database server: the embedded Postgres, and connections to one."""
