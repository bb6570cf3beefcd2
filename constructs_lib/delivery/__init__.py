"""Merge to deploy: manifests, the stacks they become, and what a pipeline needs around them."""
