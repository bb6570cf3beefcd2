"""The private names of ministack that emulator_iot*.py, emulator_mqtt.py and emulator_role_aliases.py stand on."""

from __future__ import annotations

import pytest

from .contract import check

IOT = "ministack.services.iot."
# Each callable with the parameters we pass, or replace it with; None for what is not called.
CONTRACT: dict[str, list[str] | None] = {
    f"{IOT}_things": None,
    f"{IOT}_thing_groups": None,
    f"{IOT}_jobs": None,
    f"{IOT}_job_executions": None,
    f"{IOT}_certificates": None,
    f"{IOT}_MISSING": None,
    f"{IOT}_JOB_ROLLOUT_INTERVAL_MS": None,
    f"{IOT}_RULE_ACTION_RESOURCE_KEYS": None,
    f"{IOT}SHADOW_TOPIC_PREFIX": None,
    f"{IOT}publishing_events": [],
    f"{IOT}reset": [],
    f"{IOT}_create_job": ["job_id", "payload"],
    f"{IOT}_cancel_job": ["job_id", "payload", "qp"],
    f"{IOT}jobs_describe_execution": ["thing_name", "job_id"],
    f"{IOT}jobs_first_pending_job_id": ["thing_name"],
    f"{IOT}_jobs_timeout_minutes": ["execution", "job"],
    f"{IOT}_jobs_rollout_release": ["job"],
    f"{IOT}_jobs_rollout_batch_size": ["job", "waiting"],
    f"{IOT}_job_target_things": ["targets"],
    f"{IOT}_jobs_queue_execution": ["thing", "job_id", "now"],
    f"{IOT}_jobs_maybe_complete": ["job_id"],
    f"{IOT}_jobs_now_ms": [],
    f"{IOT}get_thing_shadow": ["thing_name", "shadow_name"],
    f"{IOT}update_thing_shadow": ["thing_name", "shadow_name", "request"],
    f"{IOT}shadow_emit_update_responses": [
        "account_id", "region", "base", "doc", "pre_status", "pre_doc", "post_status", "post_doc", "client_token",
    ],
    f"{IOT}broker_publish": [
        "account_id", "region", "topic", "payload", "qos", "retain", "properties", "client_id", "principal",
    ],
    f"{IOT}_route_request": ["method", "path", "headers", "body", "query_params"],
    f"{IOT}_eval_select_expr": ["expr", "topic", "payload", "message", "client_id"],
    f"{IOT}_rule_message": ["payload"],
    f"{IOT}_run_rule_actions": ["account_id", "region", "rule", "payload", "topic", "client_id"],
    f"{IOT}_dispatch_rule_action": ["account_id", "region", "rule_name", "action", "event"],
    f"{IOT}_thing_arn": ["name"],
    f"{IOT}_mqtt_policy_context": ["account_id", "region", "certificate_id", "client_id"],
    f"{IOT}_mqtt_policy_allows": [
        "account_id", "region", "certificate_id", "context", "action", "resource", "provisioning_template",
    ],
    f"{IOT}_mtls_server": None,
    f"{IOT}_mtls_loop": None,
    f"{IOT}_MtlsAcceptor": None,
    f"{IOT}_mtls_start_locked": [],
    f"{IOT}_mtls_serve_conn": ["reader", "writer"],
    f"{IOT}_mtls_close": ["writer"],
    f"{IOT}_mtls_resolve_identity": ["der"],
    "ministack.services.firehose.logger": None,
    "ministack.services.firehose._put_record": ["data"],
    "ministack.services.firehose._put_record_batch": ["data"],
    "ministack.services.firehose._deliver_to_s3": ["stream", "dest", "record_data", "lambda_keys"],
    "ministack.services.firehose._s3_bucket_from_arn": ["bucket_arn"],
    "ministack.services.sqs._get_q": ["url", "action"],
    "ministack.services.sqs._Err": None,
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRACT)
def test_a_name_we_stand_on_is_there(name: str) -> None:
    check(name, CONTRACT)
