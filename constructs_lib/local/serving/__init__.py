"""Models as processes: what stands in for SageMaker's instances."""
