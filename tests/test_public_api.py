"""The public API: every name is there, where it says it is, and costs nothing before it is used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import constructs_lib

ROOT = Path(constructs_lib.__file__).parents[1]
NAMES = [name for name in constructs_lib.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", constructs_lib.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(constructs_lib, name) is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_a_documented_class_of_its_home(name: str) -> None:
    value = getattr(constructs_lib, name)
    assert inspect.isclass(value)
    assert value.__name__ == name
    assert inspect.getdoc(value)
    home = import_module(f"constructs_lib.{constructs_lib._HOME_OF[name]}")
    assert getattr(home, name) is value
    assert value.__module__ == home.__name__, "a name lives where it is made, not where it passes through"


def test_a_name_is_resolved_once() -> None:
    assert constructs_lib.Rollout is constructs_lib.Rollout
    assert "Rollout" in vars(constructs_lib)


def test_dir_is_the_public_names() -> None:
    assert dir(constructs_lib) == sorted(constructs_lib.__all__)


def test_the_names_are_sorted_and_distinct() -> None:
    assert list(constructs_lib.__all__) == sorted(set(constructs_lib.__all__))


def test_the_homes_know_each_name_once_and_no_other() -> None:
    listed = [name for names in constructs_lib._HOMES.values() for name in names]
    assert sorted(listed) == sorted(NAMES)


def test_type_checkers_see_the_same_names_from_the_same_homes() -> None:
    tree = ast.parse(Path(constructs_lib.__file__).read_text(encoding="utf-8"))
    (guarded,) = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    seen = {
        node.module: tuple(alias.name for alias in node.names)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
    }
    assert seen == constructs_lib._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'constructs_lib' has no attribute 'Endpoynt'"):
        constructs_lib.Endpoynt  # noqa: B018


def test_an_unknown_name_cannot_be_imported() -> None:
    with pytest.raises(ImportError, match="Endpoynt"):
        exec("from constructs_lib import Endpoynt")  # noqa: S102


def loaded(script: str) -> set[str]:
    """The top-level packages that a fresh process has loaded after `script`."""
    run = subprocess.run(
        [sys.executable, "-c", f"{script}; import sys; print(*{{m.split('.')[0] for m in sys.modules}})"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


HEAVY = {"aws_cdk", "jsii", "constructs", "boto3", "sagemaker"}


@pytest.mark.parametrize(
    "script",
    [
        "import constructs_lib",
        "import constructs_lib; constructs_lib.__version__; dir(constructs_lib)",
        "import constructs_lib.local",
        "import constructs_lib.model.archive",
        "import constructs_lib.model.image_table",
    ],
)
def test_importing_starts_nothing_that_is_not_used(script: str) -> None:
    assert loaded(script) & HEAVY == set()


RUNTIME = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "constructs_lib").glob("*/runtime/[!_]*.py")
)


@pytest.mark.parametrize("module", RUNTIME)
def test_the_code_that_runs_in_aws_never_loads_the_cdk(module: str) -> None:
    found = loaded(f"import {module}")
    assert found & {"aws_cdk", "jsii", "constructs"} == set()


def test_there_is_code_that_runs_in_aws() -> None:
    assert {
        "constructs_lib.core.runtime.custom_resource",
        "constructs_lib.hosting.runtime.deploy_guard",
        "constructs_lib.experiments.runtime.controller",
    } <= set(RUNTIME)


def test_using_a_name_does_load_the_cdk() -> None:
    assert {"aws_cdk", "jsii"} <= loaded("from constructs_lib import Rollout")


def test_the_version_is_one() -> None:
    major, minor, patch = constructs_lib.__version__.split(".")[:3]
    assert (major + minor).isdigit()
    assert patch
