"""Merge to deploy: manifests that say what is in service, and what turns them into stacks.

Reading manifests takes the extra ``constructs-lib[delivery]`` (pydantic and PyYAML); the constructs need neither.
"""
