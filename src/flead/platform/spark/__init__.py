"""What the two services on Spark share."""
