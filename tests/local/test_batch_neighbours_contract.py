"""The private names of ministack that the neighbours of a batch transform stand on, as in test_contract.py."""

from __future__ import annotations

import pytest

from .contract import check

_EXTRACTED = ["service", "method", "path", "headers", "body", "query_params", "region", "account_id"]
# Each callable with the parameters we pass, by name and in order; None for what is not called.
CONTRACT: dict[str, list[str] | None] = {
    # Step Functions
    "ministack.services.stepfunctions._start_execution": ["data"],
    "ministack.services.stepfunctions._resolve_state_machine_arn": ["arn"],
    "ministack.services.stepfunctions._executions": None,
    "ministack.services.stepfunctions._map_runs": None,
    "ministack.services.stepfunctions._add_event": ["execution", "event_type", "details"],
    "ministack.services.stepfunctions._emit_execution_status_event": ["execution"],
    "ministack.services.stepfunctions._iso_to_epoch_ms": ["iso"],
    "ministack.services.stepfunctions._error_matches": ["error_equals", "error"],
    "ministack.services.stepfunctions._execute_pass": ["state_def", "raw_input", "ctx"],
    "ministack.services.stepfunctions._execute_parallel": ["state_def", "raw_input", "execution", "ctx"],
    "ministack.services.stepfunctions._execute_map": ["state_def", "raw_input", "execution", "ctx"],
    "ministack.services.stepfunctions._invoke_resource": ["resource", "input_data"],
    "ministack.services.stepfunctions._run_distributed_map": [
        "state_def", "raw_input", "effective", "iterator", "execution", "ctx",
    ],
    "ministack.services.stepfunctions._read_map_items": ["reader", "effective", "ctx"],
    "ministack.services.stepfunctions._resolve_params_obj": ["template", "data", "ctx"],
    "ministack.services.stepfunctions._run_sub_machine": [
        "states", "start_at", "input_data", "execution", "ctx",
    ],
    "ministack.services.stepfunctions._resolve_lambda_function_ref": ["value", "optimized"],
    "ministack.core.responses.json_response": ["data", "status", "content_type"],
    "ministack.core.responses.error_response_json": [
        "code", "message", "status", "extra", "message_key", "content_type",
    ],
    "ministack.core.responses.now_iso": [],
    "ministack.core.responses.new_uuid": [],
    # Lambda
    "ministack.core.lambda_runtime._PYTHON_WORKER_SCRIPT": None,
    "ministack.core.lambda_runtime.Worker.invoke": [
        "self", "event", "request_id", "trace_id", "depth", "durable", "invoked_function_arn",
    ],
    "ministack.services.lambda_svc._execute_function_warm": ["func", "event", "request_id"],
    "ministack.services.lambda_svc.function_policy_for_arn": ["resource_arn"],
    # EventBridge and its scheduler
    "ministack.services.eventbridge._invoke_target": ["target", "event", "rule", "view"],
    "ministack.services.eventbridge._dispatch_event": ["event", "view"],
    "ministack.services.s3._fire_s3_event": [
        "bucket_name", "key", "event_name", "size", "etag", "deletion_type", "restore_event_data",
        "version_id", "sequencer", "object_extra", "record_extra",
    ],
    "ministack.services.scheduler._tick_schedules": [],
    "ministack.services.scheduler._SCHEDULE_TICK_INTERVAL": None,
    "ministack.services.scheduler._schedules": None,
    "ministack.services.scheduler._to_epoch": ["value"],
    "ministack.services.scheduler._create_schedule": ["name", "body"],
    "ministack.services.scheduler._update_schedule": ["name", "body"],
    "ministack.services.scheduler._delete_schedule": ["name", "query"],
    "ministack.services.scheduler._error": ["status", "code", "message"],
    # SQS
    "ministack.services.sqs._HANDLERS": None,
    "ministack.services.sqs._Err": None,
    "ministack.services.sqs._queues": None,
    "ministack.services.sqs._queue_by_arn": ["arn"],
    "ministack.services.sqs.queue_delay": ["q"],
    "ministack.services.sqs.queue_policy_allows": ["queue_arn", "service", "source_arn", "source_account"],
    "ministack.services.sqs._normalise": ["action", "params"],
    "ministack.services.sqs._p": ["params", "key", "default"],
    "ministack.services.sqs._to_xml": ["action", "result"],
    "ministack.services.sqs._xml_resp": ["status", "root", "inner"],
    "ministack.services.sqs.esm_wake": None,
    "ministack.services.sqs.reset": [],
    # IAM
    "ministack.core.iam_actions.extract_resource_arn": _EXTRACTED,
    "ministack.core.iam_evaluator.caller_arn": [],
    "ministack.core.iam_evaluator.enforce": [
        "access_key_id", "iam_action", "service", "region", "resource_arn", "service_context",
    ],
    "ministack.core.iam_evaluator.evaluate_resource_policy": [
        "doc", "ctx", "service", "named_only", "direct_only",
    ],
    # Glue
    "ministack.services.glue._tables": None,
    "ministack.services.glue._create_partition": ["data"],
    "ministack.services.glue._batch_create_partition": ["data"],
    "ministack.services.glue._get_partition": ["data"],
    "ministack.services.glue._get_partitions": ["data"],
    # The RDS Data API
    "ministack.app._enforce_rds_data": ["method", "path", "headers", "body", "query_params", "request_id"],
    "ministack.app._enforce_data_plane": [
        "service", "iam_action", "headers", "query_params", "request_id", "resource_arn", "service_context",
        "auth_error_response", "named_resource",
    ],
    "ministack.services.rds._clusters": None,
    "ministack.services.secretsmanager._resolve": ["secret_id", "use_arn_scope"],
    "ministack.core.iam_evaluator._request_origin": None,
    "ministack.app.pin_request_origin": ["source_ip", "secure_transport"],
    "ministack.services.rds_data._connect": ["instance", "engine", "database", "password", "username"],
    "ministack.services.rds_data._has_real_endpoint": ["instance"],
    "ministack.services.rds_data._substitute_named_params": ["sql", "param_names"],
    "ministack.services.rds_data._execute_statement": ["data"],
    "ministack.services.rds_data._batch_execute_statement": ["data"],
    "ministack.services.rds_data._error": ["code", "message", "status"],
    "ministack.services.rds_data.reset": [],
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRACT)
def test_a_name_we_stand_on_is_there(name: str) -> None:
    check(name, CONTRACT)
