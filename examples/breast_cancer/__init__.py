"""A classifier of breast-cancer measurements (scikit-learn ships the data)."""
