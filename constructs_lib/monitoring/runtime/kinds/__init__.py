"""The kinds of monitors: what each takes for a baseline, and how it looks at a window."""
