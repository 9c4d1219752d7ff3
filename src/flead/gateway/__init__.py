"""What agents say by MQTT goes to Kafka, and global models go back."""
