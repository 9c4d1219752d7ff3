"""Kafka: its topics, its clients, and what every service on it needs."""
