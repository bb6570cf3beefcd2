"""Models of real data that the demo, the tests and the docs serve."""
