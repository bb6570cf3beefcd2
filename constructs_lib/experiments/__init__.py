"""Which model is better: A/B tests, bandits and shadow tests."""
