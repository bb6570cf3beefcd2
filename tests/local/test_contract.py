"""The private names of ministack that constructs_lib.local stands on, with the parameters it relies on.

ministack is pinned exactly. When a new version fails here, the emulator*.py files are
the ones to look at.
"""

from __future__ import annotations

import pytest

from .contract import check, looked_up

# Each callable with the parameters we pass, by name and in order; None for what is not called.
CONTRACT: dict[str, list[str] | None] = {
    "ministack.app.app": ["scope", "receive", "send"],
    "ministack.app.AUTH": None,
    "ministack.app._MAIN_LOOP": None,
    "ministack.app.SERVICE_REGISTRY": None,
    "ministack.app.SERVICE_HANDLERS": None,
    "ministack.app._loaded_modules": None,
    "ministack.app._state_map": None,
    "ministack.app.fix_success_content_type": ["service", "status", "headers"],
    "ministack.app.fix_error_content_type": ["service", "status", "headers"],
    "ministack.core.router.SERVICE_PATTERNS": None,
    "ministack.core.responses.get_account_id": [],
    "ministack.core.responses.get_region": [],
    "ministack.core.responses.request_scope": ["account_id", "region"],
    "ministack.core.responses.AccountRegionScopedDict.all_values": ["self"],
    "ministack.core.responses.AccountRegionScopedDict.all_items": ["self"],
    "ministack.core.iam_actions.SERVICE_TO_IAM_NAMESPACE": None,
    "ministack.core.iam_actions._BOTOCORE_SERVICE_MAP": None,
    "ministack.core.iam_actions.extract_resource_arn": [
        "service", "method", "path", "headers", "body", "query_params", "region", "account_id",
    ],
    "ministack.core.iam_actions.request_tag_context": ["service", "iam_action", "body", "params"],
    "ministack.core.iam_evaluator.EvalContext": None,
    "ministack.core.iam_evaluator.evaluate": ["ctx", "policies", "limits"],
    "ministack.core.iam_evaluator._gather_role_policies": ["role_name", "account_id"],
    "ministack.services.iam._roles": None,
    "ministack.services.s3._buckets": None,
    "ministack.services.s3._get_object_data": ["bucket_name", "key", "version_id"],
    "ministack.services.s3._put_object": ["bucket_name", "key", "body", "headers"],
    "ministack.services.cloudwatch_logs._log_groups": None,
    "ministack.services.cloudwatch_logs._create_log_group": ["data"],
    "ministack.services.cloudwatch_logs._create_log_stream": ["data"],
    "ministack.services.cloudwatch_logs._put_log_events": ["data"],
    "ministack.services.cloudwatch._alarms": None,
    "ministack.services.cloudwatch._composite_alarms": None,
    "ministack.services.cloudwatch._metrics": None,
    "ministack.services.cloudwatch._dims_key": ["dims"],
    "ministack.services.cloudwatch._calc_stats": ["points"],
    "ministack.services.cloudwatch._stat_value": ["stats", "stat_name", "points"],
    "ministack.services.cloudwatch._store_datum": [
        "namespace", "name", "dims", "ts", "unit", "value", "values", "counts", "stat_values",
    ],
    "ministack.services.cloudwatch._get_metric_data": ["params", "cbor_data", "is_cbor", "is_json"],
    "ministack.services.cloudwatch._parse_ts": ["value"],
    "ministack.services.cloudwatch._ts_iso": ["epoch"],
    "ministack.services.cloudwatch._json_ok": ["data"],
    "ministack.services.cloudwatch._cbor_ok": ["data"],
    "ministack.services.cloudwatch._cbor_metric_data_result": ["result"],
    "ministack.services.cloudwatch._evaluate_alarm": ["alarm"],
    "ministack.services.cloudwatch._evaluate_all_alarms": [],
    "ministack.services.cloudwatch._evaluate_parent_alarms": ["child", "seen"],
    "ministack.services.cloudwatch._record_history": [
        "alarm_name", "old_state", "new_state", "reason", "alarm_type", "reason_data",
    ],
    "ministack.services.cloudwatch._dispatch_alarm_actions": ["alarm", "old_state", "new_state", "reason"],
    "ministack.services.cloudwatch._transition_composite": ["alarm", "new_state", "reason", "triggers", "seen"],
    "ministack.services.cloudwatch._put_composite_alarm": ["params", "cbor_data", "is_cbor", "is_json"],
    "ministack.services.cloudwatch._delete_alarms": ["params", "cbor_data", "is_cbor", "is_json"],
    "ministack.services.cloudwatch._resource_tags": None,
    "ministack.services.stepfunctions._execute_task": ["state_def", "raw_input", "execution", "ctx"],
    "ministack.services.stepfunctions._fail_execution": ["execution", "error", "cause"],
    "ministack.services.stepfunctions._ExecutionError": None,
    "ministack.services.stepfunctions._state_machines": None,
    "ministack.services.stepfunctions._SERVICE_DISPATCH": None,
    "ministack.services.stepfunctions._AWS_SDK_SERVICE_MAP": None,
    "ministack.services.stepfunctions._AWS_SDK_ERROR_PREFIX": None,
    "ministack.services.stepfunctions._AWS_SDK_ERROR_CODE_OVERRIDES": None,
    "ministack.services.stepfunctions._invoke_aws_sdk_integration": ["resource", "input_data"],
    "ministack.services.sts._sessions": None,
    "ministack.services.sts.register_session": ["access_key", "session"],
    "ministack.core.iam_evaluator.request_caller_arn": ["headers", "query_params"],
    "ministack.services.sns.SnsPublishError": None,
    "ministack.services.sns.publish_internal": [
        "topic_arn", "message", "subject",
        "message_structure", "message_attributes", "message_group_id", "message_deduplication_id",
    ],
    "ministack.services.eventbridge._put_events": ["data", "allow_aws_source"],
    "ministack.services.eventbridge._parse_rate_seconds": ["expr"],
    "ministack.services.eventbridge._SCHEDULER_TICK_INTERVAL": None,
    "ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS": None,
    "ministack.services.cloudformation.provisioners._REPLACING_PROPERTIES": None,
    "ministack.services.cloudformation.provisioners._CUSTOM_NAME_REPLACEMENT": None,
    "ministack.services.cloudformation.provisioners._STACK_TAG_PROPERTY": None,
    "ministack.services.cloudformation.provisioners._physical_name": [
        "stack_name", "logical_id", "lowercase", "max_len", "seeded",
    ],
    "ministack.services.cloudformation.provisioners._cw_metric_alarm_record": ["name", "props"],
    "ministack.services.cloudformation.stacks._runs_on_worker_thread": ["resource_type"],
}  # fmt: skip


def test_the_version_is_the_one_that_was_tried() -> None:
    assert looked_up(*CONTRACT)["version"] == "1.5.33"


@pytest.mark.parametrize("name", CONTRACT)
def test_a_name_we_stand_on_is_there(name: str) -> None:
    check(name, CONTRACT)
