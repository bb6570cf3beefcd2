"""A pipeline on wine data: scale, classify, label."""
