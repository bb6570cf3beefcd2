"""The schema of manifests: one typed model, from which the JSON Schema of editors is made."""
