"""AWS CDK constructs that take a trained model through its whole life on Amazon SageMaker."""
