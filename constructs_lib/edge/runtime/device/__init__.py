"""The program on a device: local inference, telemetry, the change of models. Greengrass or plain Linux runs it."""
