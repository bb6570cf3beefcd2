"""The machine of a run: every state leads somewhere, and what each is told is there when it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

import constructs_lib
from constructs_lib.batch.definition import JobPlan, RunPlan, SinkPlan, definition
from constructs_lib.batch.states import DEFINITE, for_each_chunk, invoke, job
from tests.support.batch import CONTEXT, EXECUTION, at, every_state, filled, tell

WORK, WRITE = (f"arn:aws:lambda:eu-west-1:111122223333:function:{name}" for name in ("work", "write"))


def a_plan(**props: Any) -> RunPlan:
    given: dict[str, Any] = {
        "partition": "aws",
        "bucket": "runs",
        "work": WORK,
        "settings": {"transform": "fraud"},
        "attempts": 3,
        "transform": a_job("transform"),
        "prepare": None,
        "finish": None,
        "counts_lines": True,
        "sinks": [],
    }
    return RunPlan(**{**given, **props})


def a_job(name: str, longest: int = 60) -> JobPlan:
    return JobPlan(
        parameters={"Name.$": f"States.Format('{{}}-{{}}', $.job, $.{name}.attempt)"}, longest=longest
    )


def a_sink(label: str, **props: Any) -> SinkPlan:
    given = {"name": label.lower(), "label": label, "function": WRITE, "concurrency": 4}
    given |= {"commits": False, "follows": False}
    return SinkPlan(**{**given, **props})


PLANS = [
    a_plan(
        prepare=a_job("prepare") if prepares else None,
        finish=a_job("finish") if finishes else None,
        counts_lines=counts,
        sinks=sinks,
    )
    for prepares, finishes, counts, sinks in product(
        (False, True),
        (False, True),
        (False, True),
        (
            [],
            [a_sink("Table", commits=True)],
            [
                a_sink("DynamoDb"),
                a_sink("Table", commits=True),
                a_sink("Table2", commits=True),
                a_sink("Capture", follows=True),
            ],
        ),
    )
]
BIGGEST = PLANS[-1]
every_plan = pytest.mark.parametrize(
    "plan", PLANS, ids=lambda plan: "-".join(definition(plan)["States"])[:150]
)


def follows(state: Mapping[str, Any]) -> set[str]:
    """Where a state may lead."""
    return {
        *filter(None, (state.get("Next"), state.get("Default"))),
        *(each["Next"] for kind in ("Catch", "Choices") for each in state.get(kind, ())),
    }


# --- the graph ---------------------------------------------------------------------------------------------


@every_plan
def test_every_state_is_reached_and_leads_to_one_that_is_there_or_to_an_end(plan: RunPlan) -> None:
    whole = definition(plan)
    graphs = [
        whole,
        *(
            within
            for _, state in every_state(whole)
            for within in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")]))
        ),
    ]
    for graph in graphs:
        states, reached, next_ones = graph["States"], set(), {graph["StartAt"]}
        while next_ones:
            assert next_ones <= set(states)
            reached |= next_ones
            next_ones = {each for name in next_ones for each in follows(states[name])} - reached
        assert reached == set(states), "not reached"
        for name, state in states.items():
            ends = state.get("End", False) or state["Type"] == "Fail"
            goes_on = bool(follows({**state, "Catch": ()}))
            assert ends != goes_on, f"{name} ends and goes on, or does neither"
            assert not ("Next" in state and "End" in state)


@every_plan
def test_no_two_states_share_a_name_wherever_they_are(plan: RunPlan) -> None:
    names = [name for name, _ in every_state(definition(plan))]
    assert len(names) == len(set(names))


@every_plan
def test_there_is_one_way_to_succeed_and_one_to_fail_for_each_job(plan: RunPlan) -> None:
    states = definition(plan)["States"]
    assert [name for name, state in states.items() if state.get("End")] == ["Complete"]
    jobs = ["Transform", *(["Prepare"] if plan.prepare else []), *(["Finish"] if plan.finish else [])]
    assert {name for name, state in states.items() if state["Type"] == "Fail"} == {
        f"{each}Failed" for each in jobs
    }


@pytest.mark.parametrize("plan", [PLANS[0], BIGGEST], ids=["least", "most"])
def test_cfn_lint_knows_it_for_a_state_machine(plan: RunPlan) -> None:
    assert findings(definition(plan)) == []


def findings(machine: Mapping[str, Any]) -> list[str]:
    role = "arn:aws:iam::111122223333:role/run"
    properties = {"RoleArn": role, "Definition": machine}
    template = {
        "Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}
    }
    matches = lint(json.dumps(template), config=ManualArgs(regions=["eu-west-1"]))
    return [f"{each.rule.id} {each.message}" for each in matches]


def test_cfn_lint_would_find_a_fault() -> None:
    broken = definition(BIGGEST)
    del broken["States"]["Transform"]["Resource"]
    assert any("E3601" in each for each in findings(broken))


def test_the_order_of_the_states_is_that_of_a_run() -> None:
    assert path_of(BIGGEST) == [
        *("Begin", "List", "Prepare", "Gather", "Transform", "Finish", "Outline", "Inspect", "Reconcile"),
        *("Publish", "Verify", "CommitTable", "CommitTable2", "Capture", "Complete"),
    ]
    assert path_of(a_plan(counts_lines=False)) == [
        "Begin", "Gather", "Transform", "Outline", "Reconcile", "Complete"
    ]  # fmt: skip


def path_of(plan: RunPlan) -> list[str]:
    states = definition(plan)["States"]
    path = ["Begin"]
    while not states[path[-1]].get("End"):
        path.append(states[path[-1]]["Next"])
    return path


@every_plan
def test_nothing_in_it_is_null(plan: RunPlan) -> None:
    """The CDK's JSON leaves null out: a ResultPath of null would become ``$``, and the run's state be lost."""
    assert "null" not in json.dumps(definition(plan))


# --- what flows through it ---------------------------------------------------------------------------------

ANSWERS = {
    "list": {"manifest": "s3://runs/list.manifest"},
    "gather": {"manifest": "s3://runs/input.manifest", "objects": 2, "bytes": 10},
    "outline": {
        "inspect": "r/chunks/inspect.json",
        "sinks": {name: f"r/chunks/{name}.json" for name in ("dynamodb", "table", "table2", "capture")},
    },
    "reconcile": {"counts": {"records": 7}, "at": "2026-11-29T03:00:00Z"},
    "verify": {},
    "complete": {},
    "commit": {},
    "judge": {"retry": True, "wait": 60, "attempt": 2, "error": "CapacityError", "reason": "none left"},
}


@every_plan
@pytest.mark.parametrize("failing", [None, "Transform", "Prepare", "Finish"])
def test_a_run_finds_all_that_its_states_refer_to(plan: RunPlan, failing: str | None) -> None:
    """The machine is walked with answers of the functions, one job failing once."""
    states = definition(plan)["States"]
    if failing not in (None, *states):
        return
    state, name, names = dict(EXECUTION), "Begin", []
    while True:
        each = states[name]
        names.append(name)
        asked = filled(each.get("Parameters", {}), state)
        if each["Type"] in ("Map", "Parallel"):
            for branch in each.get("Branches", [{"States": {name: each}}]):
                assert_map(branch, state)
        elif name == failing and names.count(name) == 1:
            (caught,) = each["Catch"]
            state = tell(state, caught["ResultPath"], {"Error": "States.TaskFailed", "Cause": "{}"})
            name = caught["Next"]
            continue
        elif each["Type"] == "Choice":
            (choice,) = each["Choices"]
            assert at(choice["Variable"], state) is choice["BooleanEquals"]
            name = choice["Next"]
            continue
        elif each["Type"] == "Wait":
            assert at(each["SecondsPath"], state) == 60
        elif each["Type"] == "Pass":
            state = asked
        elif "lambda:invoke" in each["Resource"]:
            answer = ANSWERS[asked["Payload"]["step"]]
            state = tell(
                state, each["ResultPath"], filled(each.get("ResultSelector", {}), {"Payload": answer})
            )
        else:
            assert asked["Name"] == f"{EXECUTION['job']}-{2 if name == failing else 1}"
            result = filled(each["ResultSelector"], {"TransformJobStatus": "Completed"})
            state = tell(state, each["ResultPath"], result)
            assert at(f"$.{name.lower()}.done.job", state) == {"TransformJobStatus": "Completed"}
        if each.get("End"):
            break
        name = each["Next"]
    assert names[-1] == "Complete"
    assert {**state, **EXECUTION} == state, "what it was started with is still there"
    if failing is not None:
        assert names.count(failing) == 2


def assert_map(branch: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Its list is where the state says, and its children find what they refer to."""
    for each in branch["States"].values():
        reader = filled(each["ItemReader"]["Parameters"], state)
        assert reader["Bucket"] == "runs"
        assert reader["Key"].startswith("r/chunks/")
        child = filled(each["ItemSelector"], state)
        calls = [within for within in each["ItemProcessor"]["States"].values() if within["Type"] == "Task"]
        payloads = [filled(within["Parameters"], {**child, "failure": {}})["Payload"] for within in calls]
        for payload in payloads:
            assert payload["chunks"] == CONTEXT["Map"]["Item"]["Value"]["chunks"]
            assert payload["run"]["run"] == EXECUTION["run"]
            assert payload["batch"] == {"transform": "fraud"}
        assert payloads[0]["began"] == CONTEXT["Execution"]["StartTime"]


def test_a_run_fails_for_the_reason_that_the_judge_gives() -> None:
    states = definition(a_plan())["States"]
    assert states["AgainTransform"]["Default"] == "TransformFailed"
    assert states["TransformFailed"] == {
        "Type": "Fail",
        "ErrorPath": "$.transform.error",
        "CausePath": "$.transform.reason",
    }
    judge = states["JudgeTransform"]
    assert judge["Parameters"]["Payload"] == {
        "step": "judge",
        "job": "transform",
        "failure.$": "$.transform.failure",
        "attempt.$": "$.transform.attempt",
        "most": 3,
        "batch.$": "$.batch",
    }
    told = filled(judge["ResultSelector"], {"Payload": ANSWERS["judge"]})
    assert told == ANSWERS["judge"]
    assert judge["ResultPath"] == "$.transform"


# --- each kind of state ------------------------------------------------------------------------------------


@every_plan
def test_what_a_function_is_sure_of_is_not_asked_again_and_all_else_is(plan: RunPlan) -> None:
    for name, state in every_state(definition(plan)):
        if "lambda:invoke" not in state.get("Resource", ""):
            assert "Retry" not in state, name
            continue
        *too_long, definite, rest = state["Retry"]
        # A child of a map has five minutes in all: what took as long would not be done the second time.
        assert bool(too_long) == name.endswith("Chunks")
        assert all(each == {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0} for each in too_long)
        assert not too_long or state["TimeoutSeconds"] < 300
        assert definite == {"ErrorEquals": list(DEFINITE), "MaxAttempts": 0}
        assert rest["ErrorEquals"] == ["States.ALL"]
        assert (rest["IntervalSeconds"], rest["BackoffRate"], rest["MaxAttempts"]) == (2, 2, 6)
        assert rest["JitterStrategy"] == "FULL"


@pytest.mark.parametrize("name", DEFINITE)
def test_each_definite_error_is_raised_by_the_runtime_under_that_name(name: str) -> None:
    """Lambda tells the class's name as the error's type."""
    sources = (Path(constructs_lib.__file__).parent / "batch" / "runtime").glob("*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert re.search(rf"^class {name}\(", text, re.M)
    assert re.search(rf"\b(raise|return) {name}\(|\b{name}[,)]", text)


def test_a_job_is_waited_for_within_its_time_and_whatever_befalls_it_is_judged() -> None:
    states = job(
        "aws",
        name="Transform",
        api="createTransformJob",
        parameters={},
        longest=90,
        most=3,
        judge=WORK,
        after="X",
    )
    task = states["Transform"]
    assert task["Resource"] == "arn:aws:states:::sagemaker:createTransformJob.sync"
    assert task["TimeoutSeconds"] == 90
    assert task["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.transform.failure", "Next": "JudgeTransform"}
    ]
    assert task["Next"] == "X"
    assert list(states) == [
        "Transform",
        "JudgeTransform",
        "AgainTransform",
        "WaitTransform",
        "TransformFailed",
    ]


def test_a_map_is_distributed_over_express_children_and_keeps_nothing_of_their_answers() -> None:
    state = for_each_chunk(
        "aws-cn",
        label="Inspect",
        bucket="runs",
        key="$.outline.inspect",
        function=WORK,
        step="inspect",
        problem="inspect",
        teller=WORK,
        concurrency=40,
        after=None,
    )
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert state["ItemReader"]["Resource"] == "arn:aws-cn:states:::s3:getObject"
    assert state["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert (state["MaxConcurrency"], state["End"]) == (40, True)
    assert discards(state)
    tolerated = {"ToleratedFailurePercentage", "ToleratedFailureCount"} & set(state)
    assert not tolerated, "one bad chunk fails the run"
    child, *_ = state["ItemProcessor"]["States"].values()
    answer = filled(child["ResultSelector"], {"Payload": {"written": 7}})
    assert child["ResultPath"] == "$"
    assert at(child["OutputPath"], answer) == 1


@pytest.mark.parametrize(
    ("map", "worker", "step", "problem"),
    [("Inspect", WORK, "inspect", "inspect"), ("DynamoDb", WRITE, "write", "write-dynamodb")],
)
def test_a_child_that_fails_for_good_tells_why_before_it_does(
    map: str, worker: str, step: str, problem: str
) -> None:
    """What a map tells of it is that too many have failed."""
    states = dict(every_state(definition(BIGGEST)))[map]["ItemProcessor"]["States"]
    child, telling, failed = states[f"{map}Chunks"], states[f"Tell{map}"], states[f"{map}Failed"]
    assert (child["Parameters"]["FunctionName"], child["Parameters"]["Payload"]["step"]) == (worker, step)
    (caught,) = child["Catch"]
    assert (caught["ErrorEquals"], caught["Next"]) == (["States.ALL"], f"Tell{map}")

    failure = {"Error": "ClientError", "Cause": "refused"}
    given = {"chunks": [{"n": 7}], "run": {**EXECUTION, "batch": {"transform": "fraud"}}}
    state = tell(given, caught["ResultPath"], failure)
    asked = filled(telling["Parameters"], state)
    assert asked["FunctionName"] == WORK, "which always may write into the run's folder"
    assert asked["Payload"] == {
        **{"step": "tell", "of": problem, "chunks": [{"n": 7}], "failure": failure},
        **{"run": given["run"], "batch": {"transform": "fraud"}},
    }
    state = tell(state, telling["ResultPath"], filled(telling["ResultSelector"], {"Payload": {}}))
    assert (telling["Next"], failed["Type"]) == (f"{map}Failed", "Fail")
    assert [at(failed[path], state) for path in ("ErrorPath", "CausePath")] == ["ClientError", "refused"]


def test_all_answers_of_a_map_of_20_000_fit_into_a_state() -> None:
    assert len(json.dumps([1] * 20_000)) < 256 * 1024


def test_a_state_that_nobody_asks_for_an_answer_keeps_what_it_had() -> None:
    assert discards(invoke("aws", WORK, {"step": "complete"}, after=None))


def discards(state: Mapping[str, Any]) -> bool:
    """Whether what comes out is what went in, but for a mark."""
    answered = filled(state["ResultSelector"], {"Payload": {"much": "x" * 1000}})
    return tell({"run": "r"}, state["ResultPath"], answered) == {"run": "r", "done": {"done": True}}


def test_sinks_write_side_by_side_and_are_verified_before_they_show_what_they_have() -> None:
    sinks = [
        a_sink("Capture", follows=True),
        a_sink("DynamoDb", concurrency=16),
        a_sink("Table", commits=True),
    ]
    plan = a_plan(sinks=sinks)
    assert path_of(plan)[-5:] == ["Publish", "Verify", "CommitTable", "Capture", "Complete"]
    states = definition(plan)["States"]
    publish = states["Publish"]
    assert [each["StartAt"] for each in publish["Branches"]] == ["DynamoDb", "Table"]
    assert publish["Branches"][0]["States"]["DynamoDb"]["MaxConcurrency"] == 16
    assert discards(publish)
    asked = states["Verify"]["Parameters"]
    assert asked["FunctionName"] == WORK
    assert (asked["Payload"]["step"], asked["Payload"]["sinks"]) == ("verify", ["dynamodb", "table"])
    commit = states["CommitTable"]["Parameters"]
    assert (commit["FunctionName"], commit["Payload"]["step"]) == (WRITE, "commit")


def test_what_only_follows_needs_nothing_beside_it() -> None:
    plan = a_plan(sinks=[a_sink("Capture", follows=True)])
    assert path_of(plan)[-3:] == ["Reconcile", "Capture", "Complete"]


@pytest.mark.parametrize(
    ("plan", "seconds"),
    [
        (a_plan(attempts=1, transform=a_job("transform", 60)), 43_200 + 60 + 1800),
        (
            a_plan(attempts=2, transform=a_job("transform", 60), finish=a_job("finish", 100)),
            43_200 + 2 * (160 + 3600),
        ),
        (
            a_plan(
                attempts=10, **{each: a_job(each, 432_000) for each in ("prepare", "transform", "finish")}
            ),
            13_057_200,
        ),
    ],
)
def test_a_run_has_time_for_all_attempts_and_no_more(plan: RunPlan, seconds: int) -> None:
    assert definition(plan)["TimeoutSeconds"] == seconds
    assert seconds < 365 * 86_400, "an execution lasts a year at most"


def test_the_first_state_carries_what_the_run_was_started_with_and_nothing_of_other_jobs() -> None:
    begun = filled(definition(a_plan())["States"]["Begin"]["Parameters"], EXECUTION)
    assert begun == {**EXECUTION, "transform": {"attempt": 1}, "batch": {"transform": "fraud"}}
