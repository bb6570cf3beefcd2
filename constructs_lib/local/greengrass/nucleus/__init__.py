"""A small stand-in of Greengrass's nucleus, for tests and for people: a core device as a process.

`python -m constructs_lib.local.greengrass.nucleus --endpoint URL --thing NAME --root DIR` takes the deployments of a
thing and of its groups from the embedded AWS, and runs their components as the nucleus does. It stands on boto3
alone. What it does as the nucleus and what it does not is in docs/local.md; its rules are those of the open source
nucleus (com.aws.greengrass.lifecyclemanager, .deployment and .componentmanager).
"""

VERSION = "2.14.3"
"""The version that it reports: the newest whose rules it was compared with."""
