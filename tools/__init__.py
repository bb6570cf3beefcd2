"""Generators of checked-in data: run by make, never by a user."""
