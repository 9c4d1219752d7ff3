"""The addresses that only this machine reaches."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
