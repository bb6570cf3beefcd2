"""Distributions of features, and whether they have moved."""
