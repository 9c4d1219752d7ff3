"""The web viewer: live pages of the fleet, of all devices and of one device; nothing is loaded from another host."""
