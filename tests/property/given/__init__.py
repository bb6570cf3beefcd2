"""Strategies for everything the library accepts, as descriptions (`Made`)."""
