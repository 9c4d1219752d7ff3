"""The web viewer: a page of the fleet, of all devices, of one device; live, and nothing loaded from another host."""
