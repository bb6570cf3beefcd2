"""Greengrass V2 for the embedded AWS: its control plane, and a small stand-in of its nucleus."""
