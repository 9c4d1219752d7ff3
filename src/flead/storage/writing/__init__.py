"""Rows into the database, in one transaction with the state that led to them."""
