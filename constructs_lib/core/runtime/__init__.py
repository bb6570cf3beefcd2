"""What the runtimes of several rooms share. It runs in AWS, and knows no CDK."""
