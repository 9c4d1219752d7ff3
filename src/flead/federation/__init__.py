"""The server's side: local updates in, global models out."""
