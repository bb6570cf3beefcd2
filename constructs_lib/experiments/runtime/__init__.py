"""The experiment manager: what runs in Lambda while an experiment does. Nothing here knows the CDK."""
