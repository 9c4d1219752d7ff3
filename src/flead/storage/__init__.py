"""What FLEAD remembers: a real Postgres in a directory, its schema, the writer, and the queries of the dashboards."""
