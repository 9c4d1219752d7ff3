"""The pages, one a file: what it shows, and how it asks for it."""
