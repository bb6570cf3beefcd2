"""What converts, quantises and compares a model before it goes to devices: ``python -m …edge.runtime.optimise``."""
