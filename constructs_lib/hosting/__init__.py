"""Where it is served: endpoints, and how they scale, roll out and capture."""
