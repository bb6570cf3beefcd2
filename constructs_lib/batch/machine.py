"""The state machine of a batch transform, its log, and what it may do."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_iam as iam

from ..core.machine import OwnMachine
from ..core.place import environment_of
from ..core.roles import acknowledge_wildcard
from ..core.s3_prefix import S3Prefix
from .definition import RunPlan, definition

_JOBS = "Jobs are named after runs that are not there yet; they begin with the transform's name."
_RUNS = "Runs are not there yet; the prefix is this transform's own."
_ACTIONS = {
    "transform-job": ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob"),
    "processing-job": ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob"),
}
_WAITED_FOR = {"transform-job": "TransformJobs", "processing-job": "ProcessingJobs"}


_LOGGED = "Names and counts of runs, no user's data; CloudWatch Logs encrypts them with its own key."


class RunMachine(OwnMachine):
    """One execution a run: it takes what ``runtime/start.py`` gives it."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        name: str,
        plan: RunPlan,
        job_prefix: str,
        output: S3Prefix,
        passed_roles: Sequence[iam.IRole],
    ) -> None:
        """Make the machine.

        :param name: known at synthesis: its own role names it, as do the rule and the functions.
        :param job_prefix: how the names of all jobs begin.
        :param passed_roles: of the processing jobs, if there are any.
        """
        super().__init__(scope, id, name=name, definition=definition(plan), logged=_LOGGED)
        self._name = name
        self._job_prefix = job_prefix
        self._let_run_jobs("transform-job")
        if passed_roles:
            self._let_run_jobs("processing-job")
            self.let_pass(passed_roles)
        self._let_call([plan.work, *(each.function for each in plan.sinks)])
        self._let_map(output)

    def _let_run_jobs(self, kind: str) -> None:
        jobs = environment_of(self).arn("sagemaker", f"{kind}/{self._job_prefix}-*")
        # The tags: ours, and the one by which Step Functions knows what it has made.
        actions = (*_ACTIONS[kind], "AddTags", "ListTags")
        self.allow(*(f"sagemaker:{action}" for action in actions), on=[jobs])
        self.let_wait_for(_WAITED_FOR[kind])
        acknowledge_wildcard(self.machine, jobs, _JOBS)

    def _let_call(self, functions: Sequence[str]) -> None:
        self.allow("lambda:InvokeFunction", on=list(dict.fromkeys(functions)))

    def _let_map(self, output: S3Prefix) -> None:
        """Read lists of chunks, and run children, which are executions of the machine itself.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
        """
        arn = environment_of(self).arn
        # The first is what AWS documents, the second what a child's ARN looks like.
        executions = [arn("states", f"execution:{self._name}{joint}*") for joint in (":", "/")]
        self.allow("states:StartExecution", on=[self.arn])
        self.allow("states:DescribeExecution", "states:StopExecution", on=executions)
        # Who redrives an execution asks it to take up its map again, by this role.
        self.allow("states:RedriveExecution", on=executions[1:])
        for each in executions:
            acknowledge_wildcard(self.machine, each, "Children of a map are named by Step Functions.")
        lists = output.arn_of("*/chunks/*")
        self.allow("s3:GetObject", on=[lists])
        acknowledge_wildcard(self.machine, lists, _RUNS)
        for key in dict.fromkeys(output.keys):
            key.grant(self.machine, "kms:Decrypt")
