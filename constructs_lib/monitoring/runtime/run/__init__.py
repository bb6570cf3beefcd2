"""A look, and the making of a baseline, from end to end."""
