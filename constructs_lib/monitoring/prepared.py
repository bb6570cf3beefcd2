"""What makes the baseline of a monitor, for either engine: a function, called while the stack deploys."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from ..core.buckets import attributes_of
from ..core.code import runtime_archive
from ..core.functions import own_function
from ..core.place import stack_of
from ..core.roles import Permissions
from ..hosting.hosted import HostedEndpoint
from .engine import MonitorEngine
from .monitors import AttributionDrift
from .permissions import allow_looking
from .watch import Watch

MODULE = "constructs_lib.monitoring.runtime"
VARIABLE = "MONITOR"
DEFAULT_MEMORY_MB = 1769
"""One whole core."""
_LONGEST_MINUTES = 15
_PATIENCE_SECONDS = 60 * (_LONGEST_MINUTES + 1)
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}|#\{Token\[[^\]]*\]\}")
_DIGEST_LENGTH = 12


class PreparedMonitor(constructs.Construct):
    """The function of one monitor, which may look too, and its baseline."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        watch: Watch,
        memory_mb: int = DEFAULT_MEMORY_MB,
        engine: MonitorEngine = MonitorEngine.OWNED,
    ) -> None:
        """Prepare to look at what is `watch`."""
        super().__init__(scope, id)
        self.watch = watch
        """What is looked at."""
        self._engine = engine
        self.function: lambda_.Function = own_function(
            self,
            handler=f"{MODULE}.function.handle",
            code=runtime_archive("monitoring").code,
            description=f"Monitor {watch.monitor.title} of {watch.watched.some}",
            role_description=f"Looks at what {watch.watched.some} was asked and has answered",
            timeout=cdk.Duration.minutes(_LONGEST_MINUTES),
            memory_mb=memory_mb,
            # A third cheaper a second than x86, and the code is plain Python.
            architecture=lambda_.Architecture.ARM_64,
            alone="Calls AWS's public endpoints only. A look that fails is tried again, and the next one makes up for "
            "the windows that were not looked at.",
            logged="Names, counts and distances, no user's data; CloudWatch Logs encrypts them with its own key.",
        )
        """Makes the baseline, and looks at windows; ``{"at": "2026-11-22T14:00:00Z"}`` asks for one window."""
        permissions = Permissions(_role_of(self.function))
        self._spec = self._baseline_spec(permissions)
        description = self._description()
        self.function.add_environment(VARIABLE, stack_of(self).to_json_string(description))
        self._let_look(permissions)
        self._policy = permissions.attach(self)
        self.baseline = self._prepare(description)
        """Makes the baseline while the stack deploys."""

    # --- what it is told ------------------------------------------------------------------------------

    def _baseline_spec(self, permissions: Permissions) -> Mapping[str, Any]:
        """What the baseline is made of."""
        given = self.watch.monitor.baseline_data
        data = None if given is None else given.bind(self, permissions)
        existing = given is not None and given.made_already
        return {
            "data": data,
            "at_deploy": given is None or given.at_deploy,
            "existing": existing,
            "options": self.watch.monitor.baseline_options(),
        }

    @property
    def digest(self) -> str:
        """Of the baseline's data and options, the same on every synthesis: tokens are numbered as they come."""
        told = {**self._spec, "looked_for": self.watch.monitor.options()}
        text = _TOKEN.sub("*", json.dumps(told, sort_keys=True, default=str))
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]

    def _description(self) -> Mapping[str, Any]:
        """The monitor as runtime/run/description.py reads it."""
        watch, monitor, name = self.watch, self.watch.monitor, self.watch.watched.name
        truth = monitor.truth
        existing = self._spec["existing"]
        data = self._spec["data"] or {}
        described: dict[str, Any] = {
            "name": monitor.title,
            "kind": monitor.kind,
            "endpoint": name,
            "captured": {
                "bucket": attributes_of(watch.captured.bucket).name,
                "prefix": f"{watch.captured.prefix}/{name}",
            },
            "results": {"bucket": attributes_of(watch.results).name, "prefix": watch.results_prefix},
            "baseline": f"s3://{data['bucket']}/{data['key']}" if existing else f"baseline/{self.digest}",
            "every": monitor.every_seconds,
            "settle": monitor.settle_seconds,
            "least": monitor.least_records,
            "engine": self._engine.value,
            "options": monitor.options(),
        }
        if monitor.variant is not None:
            described["variant"] = monitor.variant
        if truth is not None:
            place = {"bucket": attributes_of(truth.bucket).name, "prefix": truth.prefix}
            described["ground_truth"] = {"place": place, "within": truth.within.to_seconds()}
        return described

    # --- what it may do -------------------------------------------------------------------------------

    def _let_look(self, permissions: Permissions) -> None:
        allow_looking(permissions, self, self.watch)

    def _prepare(self, description: Mapping[str, Any]) -> cdk.CfnResource:
        properties = {
            "ServiceToken": self.function.function_arn,
            "ServiceTimeout": str(_PATIENCE_SECONDS),
            "Spec": stack_of(self).to_json_string(self._spec),
            "Digest": self.digest,
            # So that what is written down of the monitor changes with it.
            "Monitor": stack_of(self).to_json_string(description),
        }
        asked = self.watch.endpoint if isinstance(self.watch.monitor, AttributionDrift) else None
        if isinstance(asked, HostedEndpoint):
            # Another model has another ranking: the baseline is made anew by asking it.
            properties["Model"] = asked.cfn_endpoint_config.attr_endpoint_config_name
        resource = cdk.CfnResource(self, "Baseline", type="Custom::MonitorBaseline", properties=properties)
        resource.node.add_dependency(self._policy, self.function)
        if isinstance(asked, HostedEndpoint):
            resource.node.add_dependency(asked.cfn_endpoint)
        return resource


def _role_of(function: lambda_.Function) -> iam.IRole:
    if function.role is None:
        raise AssertionError("a function of ours has a role")
    return function.role
