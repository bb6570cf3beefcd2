"""From files to rows: captured records, labels, training data."""
