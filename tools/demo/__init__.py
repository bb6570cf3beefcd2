"""The whole, from end to end, on an embedded AWS: what `make demo` runs."""
