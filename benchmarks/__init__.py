"""Measured claims: run with `make bench`."""
