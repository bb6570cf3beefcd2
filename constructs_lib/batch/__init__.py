"""Scoring in bulk: transform jobs, what starts them, and where predictions go."""
