"""The gateway: between the agents' MQTT broker and Kafka."""
