"""What every room stands on: checks and errors, names, instance types, roles and keys."""
