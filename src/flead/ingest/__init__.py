"""Where readings come from: CSV folders, SKAB, Edge-IIoTset and the simulated fleet."""
