"""The store: a Postgres server in a directory, its schema, the writer, and the queries of the dashboards."""
