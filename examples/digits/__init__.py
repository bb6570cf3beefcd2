"""Many small models on images of digits: one behind each name."""
