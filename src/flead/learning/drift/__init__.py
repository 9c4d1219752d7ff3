"""``drift``: deviations from a fixed reference, for devices with several channels."""
