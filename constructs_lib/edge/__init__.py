"""Models on devices: a fleet of IoT Greengrass devices that run ONNX Runtime."""
