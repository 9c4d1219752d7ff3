"""Kafka: placement of devices and codecs of messages."""
