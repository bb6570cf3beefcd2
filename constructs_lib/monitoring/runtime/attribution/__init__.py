"""What predictions come from."""
