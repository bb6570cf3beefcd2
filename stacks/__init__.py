"""Ready stacks, one per capability: deploy them, read them, copy them."""
