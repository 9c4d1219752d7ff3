"""What sensors and gateways publish, as readings: one rule for MQTT, Kafka and standard input.

Pure functions: bytes to readings, or a reason. ``flatten`` (JSON to names and values), ``names`` (what is no
measurement), ``moments`` (a message's own time), ``understand`` (an object to what it says), ``topics`` (device and
channel in a topic), ``plan`` (a shape that was understood, compiled), ``reader`` (the way of a message).
"""
