"""The job that makes a model fit for devices: to ONNX, to 8 bits, and compared before and after."""
