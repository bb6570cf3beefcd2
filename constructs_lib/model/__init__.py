"""What is served: container images, model data, containers and models."""
