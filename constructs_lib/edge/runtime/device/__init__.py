"""The program on a device: local inference, telemetry, and the change of models. It runs on Greengrass and on plain Linux."""
