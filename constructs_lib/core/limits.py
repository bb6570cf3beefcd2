"""AWS's limits, each written once: the constructs' rules and those for templates (`constructs_lib.rules`) read them.

Imports no CDK. A pair is a least and a most, both included. The rule that stands on a limit cites its source.
"""

from __future__ import annotations

import re

NAME_PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""A name of an endpoint, a configuration, a model, a variant, a component."""
NAME_ALLOWED = "1–63 letters, digits and hyphens, beginning and ending with a letter or digit"

MAX_VARIANTS = 10
MAX_CAPACITY = 10_000
VOLUME_GIB = (1, 512)
STARTUP_SECONDS = (60, 3600)
"""To fetch the model data, and until a container is healthy."""
AMI_PATTERN = re.compile(r"[a-z0-9][a-z0-9.-]{1,62}")
METRIC_INTERVALS = (10, 30, 60, 120, 180, 240, 300)
"""Seconds."""

SERVERLESS_GIB = (1, 6)
SERVERLESS_CONCURRENCY = (1, 200)
ASYNC_CONCURRENCY = (1, 1000)
"""Requests that an instance of an asynchronous endpoint works on at once."""

MAX_CONTAINERS = 15
MAX_SUBNETS = 16
MAX_SECURITY_GROUPS = 5
MAX_ENVIRONMENT_KEYS = 100
MAX_ENVIRONMENT_BYTES = 32 * 1024
VARIABLE_PATTERN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,1023}")
ECR_URI = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?P<pin>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})?"
)
ECR_URI_ALLOWED = "<12-digit account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag> or @sha256:<digest>"

SAMPLING_PERCENT = (0, 100)
MAX_CONTENT_TYPES = 10
CONTENT_TYPE = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*/[a-zA-Z0-9](-*[a-zA-Z0-9.])*")

CANARY_PERCENT = (1, 50)
LINEAR_PERCENT = (10, 50)
ROLLING_PERCENT = (5, 50)
ROLLBACK_PERCENT = (1, 100)
WAIT_SECONDS = (0, 3600)
EXECUTION_SECONDS = (600, 28_800)
MAX_ROLLBACK_ALARMS = 10

UTILIZATION_TARGET = (0.1, 0.9)
MAX_STEPS = 20

COMPONENT_LEAST_MEBIBYTES = 128
COMPONENT_LEAST_CORES = 0.25
COMPONENT_MOST_ACCELERATORS = 64

EXPERIMENT_HOURS = (1, 30 * 24)
"""Of a managed shadow test."""
JOB_VOLUME_GIB = (1, 16_384)
"""Of a job of Model Monitor's."""

MAX_ALARM_ACTIONS = 5
DAY_SECONDS = 86_400
