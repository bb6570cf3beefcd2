"""What a fleet runs: on its devices, in Lambda, and in the job that optimises its model. It knows no CDK."""
