"""What runs in AWS: publishing of components, rollouts, telemetry, provisioning."""
