"""The monitoring engine: what runs in Lambda, or in a processing container. Nothing here knows the CDK.

The standard library and boto3, and nothing else: so one asset runs on every machine of Lambda's and in every
container with Python 3.11 or newer.
"""
