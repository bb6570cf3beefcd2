"""ministack, seen through one small window.

ministack has no public extension API. Every private name this package stands on is used
here and nowhere else, and pinned by tests/local/test_contract.py.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.services import cloudwatch, cloudwatch_logs, eventbridge, iam, s3, sns, sts
from ministack.services.cloudformation import provisioners, stacks

Response = tuple[int, dict[str, str], bytes]
Provisioned = tuple[str, dict[str, Any]]
T = TypeVar("T")


# --- who asks, and where ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """The account and region that state belongs to."""

    account_id: str
    region: str

    @classmethod
    def current(cls) -> Scope:
        """The scope of the request being served."""
        return cls(responses.get_account_id(), responses.get_region())

    @contextmanager
    def active(self) -> Iterator[None]:
        """Work in this scope: ministack's stores are keyed by it."""
        with responses.request_scope(self.account_id, self.region):
            yield

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this scope."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def on_loop(function: Callable[..., T], *args: Any) -> T:
    """Call `function` on the server's event loop, from whichever thread this is.

    All state of the plug-ins is touched on that one thread, so it needs no locks.
    CloudFormation calls its provisioners both on the loop and on worker threads.
    """
    loop = app._MAIN_LOOP
    if loop is None or loop.is_closed() or _running_loop() is loop:
        return function(*args)
    context = contextvars.copy_context()

    async def call() -> T:
        return context.run(function, *args)

    return asyncio.run_coroutine_threadsafe(call(), loop).result()


def run_on_loop(work: Coroutine[Any, Any, T], *, timeout: float) -> T:
    """Run a coroutine on the server's event loop and wait for it, on a worker thread."""
    return asyncio.run_coroutine_threadsafe(work, app._MAIN_LOOP).result(timeout)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


# --- a service of our own -----------------------------------------------------------------------


class ServiceModule(Protocol):
    """What ministack asks of the module behind a service."""

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> Response:
        """Answer one request."""

    def reset(self) -> None:
        """Forget everything: POST /_ministack/reset."""


def add_service(name: str, target_prefix: str, module: ServiceModule) -> None:
    """Serve the AWS service `name`, found by its signing name and its X-Amz-Target prefix."""
    app.SERVICE_REGISTRY[name] = {"module": name}
    app._loaded_modules[name] = module
    app.SERVICE_HANDLERS[name] = module.handle_request
    router.SERVICE_PATTERNS[name] = {"target_prefixes": [target_prefix]}


def keep_state_of(name: str) -> None:
    """Let ministack save and restore the service's state, through its module's get_state."""
    app._state_map[name] = name


def keep_content_types_of(name: str) -> None:
    """Leave the Content-Type of a service's answers alone: a model's answer is not an AWS envelope."""
    for hook in ("fix_success_content_type", "fix_error_content_type"):
        setattr(app, hook, _except_for(name, getattr(app, hook)))


def _except_for(name: str, fix: Callable[[str, int, dict[str, str]], None]) -> Callable[..., None]:
    def fixed(service: str, status: int, headers: dict[str, str]) -> None:
        if service != name:
            fix(service, status, headers)

    return fixed


ResourceArns = Callable[[str, Mapping[str, str], bytes, Scope], str]
ConditionKeys = Callable[[Mapping[str, str]], dict[str, str]]
_condition_keys: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("condition_keys")


def _no_condition_keys(_headers: Mapping[str, str]) -> dict[str, str]:
    return {}


def enforce_iam_for(
    name: str, botocore_names: Sequence[str], resource_arn: ResourceArns,
    condition_keys: ConditionKeys = _no_condition_keys,
) -> None:  # fmt: skip
    """Let IAM enforcement know the service: its namespace, its REST operations, its resources, its keys.

    ministack asks for the resource of a request, with its headers, and then for its tags, without
    them: what the first question brings is kept for the second one.
    """
    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = name
    iam_actions._BOTOCORE_SERVICE_MAP[name] = list(botocore_names)
    original = iam_actions.extract_resource_arn

    def extract(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes,
        query: dict[str, Any], region: str, account_id: str,
    ) -> str:  # fmt: skip
        if service == name:
            _condition_keys.set(condition_keys(headers))
            return resource_arn(path, headers, body, Scope(account_id, region))
        return str(original(service, method, path, headers, body, query, region, account_id))

    iam_actions.extract_resource_arn = extract
    tags_of = iam_actions.request_tag_context

    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        found = dict(tags_of(service, iam_action, body, params))
        return found | _condition_keys.get() if service == name else found

    iam_actions.request_tag_context = context


def add_condition_keys(action: str, keys_of: Callable[[bytes], dict[str, str]]) -> None:
    """Let IAM enforcement know more condition keys of an action, told by the body of its request."""
    plain = iam_actions.request_tag_context

    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        found = dict(plain(service, iam_action, body, params))
        return found | keys_of(body) if iam_action == action else found

    iam_actions.request_tag_context = context


def iam_is_enforced() -> bool:
    """Whether the server was started with IAM enforcement."""
    return bool(app.AUTH)


# --- CloudFormation types -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A CloudFormation type: what to do with it, and what a change of it means."""

    name: str
    create: Callable[[str, dict[str, Any], str], Provisioned]
    update: Callable[[str, dict[str, Any], dict[str, Any], str], Provisioned]
    delete: Callable[[str, dict[str, Any]], None]
    replaced_by: frozenset[str]
    """The properties whose change replaces the resource."""
    name_property: str
    blocks: bool = False
    """Whether creating it takes time, so that it must not hold up the server."""
    tagged: bool = True


def add_resource_type(kind: ResourceType) -> None:
    """Let CloudFormation provision the type."""
    provisioners._RESOURCE_HANDLERS[kind.name] = {
        "create": kind.create,
        "update": kind.update,
        "delete": kind.delete,
    }
    provisioners._REPLACING_PROPERTIES[kind.name] = tuple(sorted(kind.replaced_by))
    provisioners._CUSTOM_NAME_REPLACEMENT[kind.name] = {"name": kind.name_property}
    if kind.tagged:
        provisioners._STACK_TAG_PROPERTY[kind.name] = ("Tags", "list")
    if kind.blocks:
        _run_on_worker_thread(kind.name)


def _run_on_worker_thread(type_name: str) -> None:
    original = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name == type_name or original(name)


def generated_name(stack_name: str, logical_id: str, *, max_length: int) -> str:
    """The name CloudFormation gives to a resource that the template does not name."""
    return str(provisioners._physical_name(stack_name, logical_id, max_len=max_length))


# --- the neighbours: S3, CloudWatch, EventBridge, IAM -------------------------------------------


def read_object(bucket: str, key: str) -> bytes | None:
    """The content of an S3 object, or None when there is none."""
    content: bytes | None = s3._get_object_data(bucket, key)
    return content


def bucket_exists(bucket: str) -> bool:
    """Whether the S3 bucket is there."""
    return s3._buckets.get(bucket) is not None


def object_exists(bucket: str, key: str) -> bool:
    """Whether the S3 object is there."""
    found = s3._buckets.get(bucket)
    return found is not None and key in found["objects"]


def keys_under(bucket: str, prefix: str) -> list[str]:
    """The keys of the S3 objects that begin with the prefix, in order."""
    found = s3._buckets.get(bucket)
    return [] if found is None else sorted(key for key in found["objects"] if key.startswith(prefix))


def write_object(bucket: str, key: str, body: bytes, *, kms_key: str | None = None) -> str | None:
    """Write an S3 object; the error message when it is refused."""
    headers = {"content-type": "application/octet-stream"}
    if kms_key:
        headers |= {
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": kms_key,
        }
    status, _headers, answer = s3._put_object(bucket, key, body, headers)
    return None if status < 300 else answer.decode("utf-8", "replace")


def put_log_lines(group: str, stream: str, lines: Iterable[str]) -> None:
    """Append lines to a CloudWatch Logs stream, which is made when it is missing."""
    if group not in cloudwatch_logs._log_groups:
        cloudwatch_logs._create_log_group({"logGroupName": group})
    if stream not in cloudwatch_logs._log_groups[group]["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines]
    cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": events})


def put_metric(
    namespace: str, name: str, dimensions: Mapping[str, str], unit: str, values: Mapping[float, int]
) -> None:
    """Put values, each seen a number of times, into a CloudWatch metric."""
    cloudwatch._store_datum(
        namespace, name, dict(dimensions), time.time(), unit, None, list(values), list(values.values()), None
    )


def alarm_state(name: str) -> str | None:
    """The state of a metric or composite alarm, or None when there is no such alarm."""
    alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
    return None if alarm is None else str(alarm["StateValue"])


def put_event(source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str]) -> None:
    """Put an event of an AWS service on the default event bus."""
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": list(resources),
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def scale_rates(scale: float, *, look_every: float) -> None:
    """Let rules with a `rate(…)` fire after so many real seconds for each of theirs."""
    plain = eventbridge._parse_rate_seconds

    def scaled(expression: str) -> float | None:
        seconds = plain(expression)
        return None if seconds is None else seconds * scale

    eventbridge._parse_rate_seconds = scaled
    eventbridge._SCHEDULER_TICK_INTERVAL = look_every


def publish(topic_arn: str, message: str) -> str | None:
    """Publish to an SNS topic; the error message when it is refused."""
    try:
        published = sns.publish_internal(topic_arn, message)
    except sns.SnsPublishError as error:
        return str(error)
    return None if published else f"Topic does not exist: {topic_arn}"


def role_trusts(role_arn: str, service: str) -> bool:
    """Whether the role exists and lets an AWS service assume it."""
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    if role is None:
        return False
    document = role.get("AssumeRolePolicyDocument") or {}
    if isinstance(document, str):
        document = json.loads(document)
    statements = document.get("Statement", [])
    return any(_lets_assume(statement, service) for statement in _as_list(statements))


def _lets_assume(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal", {})
    services = _as_list(principal.get("Service", [])) if isinstance(principal, dict) else []
    return statement.get("Effect") == "Allow" and service in services


@contextmanager
def role_session(role_arn: str, name: str) -> Iterator[dict[str, str]]:
    """Credentials of the role, as environment variables, that are good until the block ends."""
    account, resource = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    session = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{resource}/{name}",
        "UserId": f"{resource}:{name}",
        "SecretAccessKey": secret,
        "SessionToken": token,
    }
    sts.register_session(key, session)
    try:
        yield {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
    finally:
        sts._sessions.pop(key, None)


def calling_role(headers: Mapping[str, str]) -> str | None:
    """The role whose credentials a request came with; None for root and for users."""
    return role_of_session(str(iam_evaluator.request_caller_arn(dict(headers))))


def role_of_session(caller: str) -> str | None:
    """The role that a caller has assumed, by its ARN; None for root and for users."""
    _arn, _aws, service, _region, account, resource = caller.split(":", 5)
    if service == "iam":
        return caller if resource.startswith("role/") else None
    return f"arn:aws:iam::{account}:role/{resource.split('/')[1]}"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _lower_cased(keys: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in keys.items()}


def role_allows(
    role_arn: str, action: str, resource: str, condition_keys: Mapping[str, str] | None = None
) -> bool:
    """Whether the role's own policies allow the action."""
    scope = Scope.current()
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=scope.account_id,
        action=action,
        resource_arn=resource,
        region=scope.region,
        service_context=_lower_cased(condition_keys or {}),
    )
    policies = iam_evaluator._gather_role_policies(role_arn.rsplit("/", 1)[-1], scope.account_id)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")
