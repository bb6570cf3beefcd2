"""What scores in bulk as it runs in AWS. It knows no CDK."""
