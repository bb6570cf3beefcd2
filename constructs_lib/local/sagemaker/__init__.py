"""SageMaker hosting for the embedded AWS: control plane, runtime, CloudFormation types."""
