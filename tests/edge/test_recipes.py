"""Recipes: what they say, and what of them would be stumbled over."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from constructs_lib.edge.components import inference_recipe, model_recipe, runtime_recipe
from constructs_lib.edge.edge_program import EdgeProgram
from constructs_lib.edge.names import LONGEST_FLEET_NAME, FleetNames
from constructs_lib.edge.recipe import Dependency, Recipe, Script
from constructs_lib.edge.telemetry import EdgeTelemetry

NAMES = FleetNames(fleet="cameras")
PROGRAM = EdgeProgram()
CONFIGURATION = {
    "fleet": "cameras",
    "transport": {"kind": "greengrass"},
    **PROGRAM.told(),
    **EdgeTelemetry().told(),
}
VARIABLE = re.compile(r"\{([^{}\"'$ ]+)\}")


def all_recipes(names: FleetNames = NAMES, program: EdgeProgram = PROGRAM) -> list[Recipe]:
    return [
        runtime_recipe(names, program),
        model_recipe(names, program),
        inference_recipe(names, CONFIGURATION),
    ]


# --- what is wrong with one --------------------------------------------------------------------------------

GOOD = Recipe(
    name="cameras.Model",
    description="d",
    publisher="p",
    needs={"cameras.Runtime": Dependency.HARD},
    lifecycle={
        "Run": Script(text='exec "{cameras.Runtime:work:path}/x" "{artifacts:path}/m" {iot:thingName}')
    },
)


def problems_of(text: str = "true", **changed: Any) -> list[str]:
    return list(replace(GOOD, **{"lifecycle": {"Run": Script(text=text)}, **changed}).problems())


def test_one_without_a_problem_has_none() -> None:
    assert list(GOOD.problems()) == []


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 129, "a\n"])
def test_a_name_that_is_none(name: str) -> None:
    (told,) = problems_of(name=name)
    assert told.startswith(f"the name {name!r} is not")


@pytest.mark.parametrize("name", ["a", "x" * 128, "a-b_c.D9"])
def test_a_name_that_is_one(name: str) -> None:
    assert problems_of(name=name) == []


def test_no_lifecycle_and_steps_that_there_are_not() -> None:
    assert problems_of(lifecycle={}) == ["it has no lifecycle"]
    assert problems_of(lifecycle={"run": Script(text="true")}) == ["run is no step of a lifecycle"]


@pytest.mark.parametrize(
    "variable",
    [
        "artifacts:path",
        "artifacts:decompressedPath",
        "work:path",
        "configuration:/a/b",
        "kernel:rootPath",
        "iot:thingName",
        "cameras.Runtime:artifacts:path",
        "cameras.Runtime:configuration:/a",
    ],
)
def test_variables_that_the_nucleus_knows(variable: str) -> None:
    assert problems_of(f"run {{{variable}}}") == []


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("artifacts", "is no recipe variable"),
        ("artifact:path", "is no recipe variable"),
        ("work:paths", "is no recipe variable"),
        ("configuration:a", "is no recipe variable"),
        ("iot:thing", "is no recipe variable"),
        ("version", "is no recipe variable"),
        ("cameras.Runtime:kernel:rootPath", "is no recipe variable"),
        ("cameras.Other:work:path", "is of a component that it does not depend on"),
    ],
)
def test_variables_that_it_would_leave_as_they_are(variable: str, said: str) -> None:
    assert problems_of(f"run {{{variable}}}") == [f"{{{variable}}} {said}"]
    in_environment = {"Run": Script(text="run", environment={"A": f"{{{variable}}}"})}
    assert problems_of(lifecycle=in_environment) == [f"{{{variable}}} {said}"]


def test_one_that_is_too_long_says_how_long() -> None:
    most = 16_000 - len(replace(GOOD, lifecycle={"Run": Script(text="")}).text)
    assert problems_of("x" * most) == []
    assert problems_of("x" * (most + 1)) == ["it has 16001 bytes, of which 16000 are allowed"]
    assert problems_of("é" * most)


def test_all_problems_are_told_at_once() -> None:
    assert len(problems_of("{a:b} {c:work:path}", name="a b")) == 3


# --- the fleet's own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fleet", ["a", "a" * LONGEST_FLEET_NAME, "press-cams-2"])
@pytest.mark.parametrize("program", [PROGRAM, EdgeProgram(socket="/run/" + "s" * 96, http_port=8080)])
def test_the_three_have_no_problems_whatever_the_fleet_is_called(fleet: str, program: EdgeProgram) -> None:
    for each in all_recipes(FleetNames(fleet=fleet), program):
        assert list(each.problems()) == []


def test_the_same_recipe_is_the_same_text() -> None:
    assert [each.text for each in all_recipes()] == [each.text for each in all_recipes()]
    assert json.loads(all_recipes()[0].text) == all_recipes()[0].told()


def test_they_stand_on_each_other_so_that_a_new_model_restarts_nothing() -> None:
    runtime, model, inference = (each.told() for each in all_recipes())
    assert "ComponentDependencies" not in runtime
    hard, soft = ({"VersionRequirement": ">=0.0.0", "DependencyType": kind} for kind in ("HARD", "SOFT"))
    assert model["ComponentDependencies"] == {"cameras.Runtime": hard}
    assert inference["ComponentDependencies"] == {"cameras.Runtime": hard, "cameras.Model": soft}


def test_what_publishing_fills_in_has_its_place_in_each() -> None:
    for each in all_recipes():
        told = each.told()
        assert told["ComponentVersion"] == "@VERSION@"
        assert told["ComponentConfiguration"]["DefaultConfiguration"]["digest"] == "@DIGEST@"
    artefacts = [each.told()["Manifests"][0].get("Artifacts") for each in all_recipes()]
    assert [None if each is None else (each[0]["URI"], each[0]["Unarchive"]) for each in artefacts] == [
        ("@ARTEFACT@", "ZIP"),
        ("@ARTEFACT@", "NONE"),
        None,
    ]


def test_inference_may_say_and_hear_what_the_program_does_and_nothing_else() -> None:
    access = all_recipes()[2].configuration["accessControl"]["aws.greengrass.ipc.mqttproxy"]
    found = {tuple(each["operations"]): set(each["resources"]) for each in access.values()}
    shadow = "$aws/things/+/shadow/name/model"
    assert found == {
        ("aws.greengrass#PublishToIoTCore",): {
            "dt/cameras/+/inference",
            "dt/cameras/+/summary",
            f"{shadow}/update",
            f"{shadow}/get",
        },
        ("aws.greengrass#SubscribeToIoTCore",): {
            f"{shadow}/{each}"
            for each in (
                *("update/delta", "update/accepted", "update/rejected"),
                *("get/accepted", "get/rejected"),
            )
        },
    }
