"""The streaming platform on this machine: how it is started, stopped and inspected."""

from flead.stack.control import ServiceStatus, down, status, up
from flead.stack.errors import StackError
from flead.stack.log_files import read as logs

__all__ = ["ServiceStatus", "StackError", "down", "logs", "status", "up"]
