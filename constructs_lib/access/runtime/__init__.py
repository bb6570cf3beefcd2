"""What answers behind an `InferenceApi`."""
