"""What delivery runs in AWS."""
