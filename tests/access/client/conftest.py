"""A server that plays faults."""

from .server import server

__all__ = ["server"]
