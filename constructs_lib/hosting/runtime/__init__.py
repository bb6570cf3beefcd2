"""Code that runs in AWS for hosting: never imported by synthesis."""
