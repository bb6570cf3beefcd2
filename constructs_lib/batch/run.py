"""What runs consist of: the state machine and the functions that start it, work in it and tell of its failures."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from ..core.buckets import attributes_of
from ..core.place import environment_of, stack_of
from ..core.roles import Permissions, allow_publish, allow_volumes
from ..core.s3_prefix import S3Prefix
from ..model.reference import model_name
from .bound_step import BoundStep
from .definition import JobPlan, RunPlan, SinkPlan
from .functions import BatchFunction
from .jobs import answers_below, objects_of_the_run, processing_job, transform_job
from .machine import RunMachine
from .processing_step import ProcessingStep
from .props import BatchTransformProps
from .sink import BoundSink, PredictionSink, SinkPlace
from .triggers import START_TIMEOUT, RunRequests

_STEP_TIMEOUT = cdk.Duration.minutes(15)
_CHUNK_TIMEOUT = cdk.Duration.seconds(290)
"""A child of the map, as an express execution, has five minutes."""
_ONE_CORE_MB = 1769
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_RUNS = "Runs are not there yet; the prefix is this transform's own."
_EXECUTIONS = "Executions are named after inputs that are not there yet."


@dataclass(frozen=True, slots=True)
class _Sink:
    """A sink with its function."""

    id: str
    """Of its construct, and of its states."""
    function: BatchFunction
    bound: BoundSink

    @property
    def name(self) -> str:
        """In metrics, reports and the files of runs."""
        return self.id.lower()


class BatchRuns(constructs.Construct):
    """The machinery of a `BatchTransform`."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        props: BatchTransformProps,
        name: str,
        job_prefix: str,
        output: S3Prefix,
        requests: RunRequests,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        self._props = props
        self._name = name
        self._output = output
        self._requests = requests
        self._tags = tags
        self._roles: list[iam.IRole] = []
        self._images: list[str] = []
        self.input = S3Prefix(bucket=props.input.bucket, prefix=props.input.place.rstrip("/"))
        """Below it lies all that may be scored."""
        sinks = self._bind_sinks()
        self.sink_names = [each.name for each in sinks]
        """As metrics and reports call them."""
        self.work = self._work()
        """Does what is to be done between the jobs."""
        self.machine = RunMachine(
            self,
            "Machine",
            name=name,
            plan=self._plan(sinks),
            job_prefix=job_prefix,
            output=output,
            passed_roles=self._roles,
        )
        """One execution a run."""
        self.start = self._start(job_prefix)
        """Starts runs, each once."""
        self.fail = self._fail()
        """Tells of runs that ended otherwise than well."""

    # --- the functions --------------------------------------------------------------------------------

    def _work(self) -> BatchFunction:
        work = BatchFunction(
            self,
            "Work",
            module="work",
            description=f"Steps between the jobs of batch transform {self._name}",
            timeout=_STEP_TIMEOUT,
            memory_mb=_ONE_CORE_MB,
        )
        self.input.allow_read(work.permissions)
        self._use_runs(work.permissions)
        work.attach()
        return work

    def _start(self, job_prefix: str) -> BatchFunction:
        start = BatchFunction(
            self,
            "Start",
            module="start",
            description=f"Starts runs of batch transform {self._name}",
            timeout=START_TIMEOUT,
            memory_mb=_ONE_CORE_MB,
        )
        start.tell(
            "BATCH",
            {
                **self._whereabouts(),
                "input": self._described_input(),
                "arrival_suffix": None if self._props.arrival is None else self._props.arrival.suffix,
                "model": model_name(self._props.model),
                "how": self._how(),
                "machine": self.machine.arn,
                "job_prefix": job_prefix,
            },
        )
        self.input.allow_read(start.permissions)
        self._use_runs(start.permissions)
        self._let_tell(start)
        start.permissions.allow("states:StartExecution", on=self.machine.arn)
        start.attach()
        return start

    def _described_input(self) -> dict[str, Any]:
        given = self._props.input
        return {
            "bucket": attributes_of(given.bucket).name,
            "prefix": given.prefix if given.manifest is None else given.manifest,
            "manifest": given.manifest is not None,
            "lag_seconds": 0 if given.lag is None else int(given.lag.to_seconds()),
        }

    def _fail(self) -> BatchFunction:
        fail = BatchFunction(
            self,
            "Fail",
            module="fail",
            description=f"Tells of failed runs of batch transform {self._name}",
            timeout=cdk.Duration.minutes(1),
            memory_mb=256,
        )
        fail.tell("FAIL", {**self._whereabouts(), "machine_name": self._name})
        self._use_runs(fail.permissions)
        self._let_tell(fail)
        fail.attach()
        self._requests.keep_failures_of(fail.function)
        events.Rule(
            self,
            "Ended",
            description=f"Runs of batch transform {self._name} that ended otherwise than well",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self.machine.arn],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            ),
            targets=[
                targets.LambdaFunction(
                    fail.function, retry_attempts=10, dead_letter_queue=self._requests.dead_letters
                )
            ],
        )
        return fail

    def _whereabouts(self) -> dict[str, Any]:
        """What both ends of a run are told."""
        return {
            "transform": self._name,
            "bucket": attributes_of(self._output.bucket).name,
            "prefix": self._output.prefix,
            "queue_url": self._requests.dead_letters.queue_url,
            "requests": self._requests.queue.queue_arn,
            "topics": [each.topic_arn for each in self._props.notify],
        }

    def _use_runs(self, permissions: Permissions) -> None:
        self._output.allow_read(permissions)
        self._output.allow_write(permissions)

    def _let_tell(self, function: BatchFunction) -> None:
        """Let it look up an execution, and tell that something came to nothing."""
        permissions = function.permissions
        permissions.allow(
            "states:DescribeExecution",
            on=environment_of(self).arn("states", f"execution:{self._name}:*"),
            wildcard=_EXECUTIONS,
        )
        permissions.allow("sqs:SendMessage", on=self._requests.dead_letters.queue_arn)
        for topic in self._props.notify:
            allow_publish(permissions, topic)

    # --- the plan -------------------------------------------------------------------------------------

    def _bind_sinks(self) -> list[_Sink]:
        sinks = list(self._props.sinks)
        ids = [_numbered(each, sinks[:index]) for index, each in enumerate(sinks)]
        return [self._bind_sink(id, each) for id, each in zip(ids, sinks, strict=True)]

    def _bind_sink(self, id: str, sink: PredictionSink) -> _Sink:
        scope = constructs.Construct(self, id)
        place = SinkPlace(transform=self._name, output=self._output, columns=self._props.columns)
        function = BatchFunction(
            scope,
            "Write",
            module="write",
            description=f"Writes predictions of batch transform {self._name}: {id}",
            timeout=_CHUNK_TIMEOUT,
            memory_mb=_ONE_CORE_MB,
        )
        bound = sink.bind(scope, place, function.permissions)
        function.tell("SINK", {"name": id.lower(), "kind": bound.kind, **bound.target})
        self._let_write_chunks(function.permissions, id.lower())
        function.attach()
        return _Sink(id, function, bound)

    def _let_write_chunks(self, permissions: Permissions, sink: str) -> None:
        """Read answers, and say what was written of them: a sink changes nothing else of a run."""
        for answers in ("output", "finished"):
            permissions.allow("s3:GetObject", on=self._output.arn_of(f"*/{answers}/*"), wildcard=_RUNS)
        for told in (f"written/{sink}", "problems"):
            permissions.allow("s3:PutObject", on=self._output.arn_of(f"*/{told}/*"), wildcard=_RUNS)
        for key in self._output.keys:
            permissions.allow_key(key, "kms:Decrypt", "kms:GenerateDataKey")

    def _plan(self, sinks: Sequence[_Sink]) -> RunPlan:
        props = self._props
        return RunPlan(
            partition=environment_of(self).partition,
            bucket=attributes_of(self._output.bucket).name,
            work=self.work.function.function_arn,
            settings=self._settings(sinks),
            attempts=props.attempts,
            transform=JobPlan(
                parameters=transform_job(props, output=self._output, key=self._key, tags=self._tags),
                longest=props.longest_seconds,
            ),
            prepare=self._step("Prepare", props.preprocess, objects_of_the_run()),
            finish=self._step("Finish", props.postprocess, answers_below(self._output)),
            counts_lines=props.by_lines,
            sinks=[
                SinkPlan(
                    name=each.name,
                    label=each.id,
                    function=each.function.function.function_arn,
                    concurrency=each.bound.concurrency,
                    commits=each.bound.commits,
                    follows=each.bound.follows,
                )
                for each in sinks
            ],
        )

    def _settings(self, sinks: Sequence[_Sink]) -> dict[str, Any]:
        """What the functions are told of the transform in each call."""
        props = self._props
        return {
            "transform": self._name,
            "bucket": attributes_of(self._output.bucket).name,
            "prefix": self._output.prefix,
            "input_bucket": attributes_of(props.input.bucket).name,
            "format": props.sink_format.value,
            "lines": props.by_lines,
            "gzip": props.input.gzip,
            "columns": [each.told() for each in props.columns],
            "sinks": [
                {"name": each.name, "kind": each.bound.kind, "chunk_bytes": each.bound.chunk_bytes}
                for each in sinks
            ],
            "prepares": props.preprocess is not None,
            "finishes": props.postprocess is not None,
            "finish_keeps_count": props.postprocess is None or props.postprocess.keeps_count,
            "instance_type": props.instance_type,
            "instance_count": props.instance_count,
        }

    def _how(self) -> str:
        """A digest of what decides on the predictions beside model and input; the same on every synthesis."""
        job = transform_job(self._props, output=self._output, key=None, tags={})
        decides = {name: job.get(name) for name in ("TransformInput", "DataProcessing", "Environment")}
        told = {
            **decides,
            "accept": self._props.accept,
            "steps": [
                None if each is None else each.decides()
                for each in (self._props.preprocess, self._props.postprocess)
            ],
            # Resolved: in the image of an asset, the digest is within a token.
            "images": stack_of(self).resolve(self._images),
        }
        text = _TOKEN.sub("*", json.dumps(told, sort_keys=True, default=str))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def _key(self) -> kms.IKey | None:
        """Encrypts what jobs write: where they name none, SageMaker takes the account's own key for S3."""
        return next(iter(self._output.keys), None)

    def _step(self, id: str, step: ProcessingStep | None, source: Mapping[str, str]) -> JobPlan | None:
        if step is None:
            return None
        bound = BoundStep(self, id, step=step)
        self.input.allow_read(bound.permissions)
        self._use_runs(bound.permissions)
        allow_volumes(bound.permissions, self._props.volume_encryption_key)
        bound.attach()
        self._roles.append(bound.role)
        self._images.append(bound.image)
        parameters = processing_job(
            step,
            name=id.lower(),
            source=source,
            role_arn=bound.role.role_arn,
            image=bound.image,
            script=bound.script,
            output=self._output,
            key=self._key,
            volume_key=self._props.volume_encryption_key,
            tags=self._tags,
        )
        return JobPlan(parameters=parameters, longest=step.longest_seconds)


def _numbered(sink: PredictionSink, before: Sequence[PredictionSink]) -> str:
    """Its id; the second of a kind has a number."""
    same = sum(each.id == sink.id for each in before)
    return f"{sink.id}{same + 1}" if same else sink.id
