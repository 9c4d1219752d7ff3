"""``tail``: how rare a reading is among a device's own, in several views."""
