"""How groups are treated."""
