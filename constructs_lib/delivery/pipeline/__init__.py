"""The steps of the workflows in `.github/workflows`, as a program, so that they can be run and tested anywhere.

It imports no CDK: what it needs of it, it asks the CDK CLI.
"""
