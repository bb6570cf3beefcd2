"""The import laws hold, and each of them can fail: a copy of the code that breaks it is refused."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_SYNTH = (
    ("constructs_lib", "local"),
    ("constructs_lib", "experiments", "report"),
    ("constructs_lib", "monitoring", "report"),
    ("constructs_lib", "access", "client"),
)
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# Contract, module to write a line into (made where it does not exist yet), the line that breaks the law.
BREACHES = [
    ("one-direction", "constructs_lib/core/naming.py", "from ..model.model import Model"),
    ("one-direction", "constructs_lib/core/naming.py", "from constructs_lib import RealtimeEndpoint"),
    ("one-direction", "constructs_lib/model/container.py", "from ..hosting.variant import Variant"),
    ("one-direction", "constructs_lib/hosting/metrics.py", "import stacks.realtime"),
    ("one-direction", "constructs_lib/hosting/metrics.py", "from ..monitoring import drift"),
    ("one-direction", "constructs_lib/experiments/ab_test.py", "from ..monitoring import drift"),
    ("one-direction", "constructs_lib/batch/run.py", "from ..delivery import manifest"),
    ("batch-and-edge-beside-hosting", "constructs_lib/batch/run.py", "from ..hosting import endpoint"),
    ("one-direction", "constructs_lib/batch/run.py", "from ..monitoring import baseline"),
    ("one-direction", "constructs_lib/model/model.py", "from ..batch import input"),
    ("batch-and-edge-beside-hosting", "constructs_lib/hosting/hosted.py", "from ..batch import input"),
    ("batch-and-edge-beside-hosting", "constructs_lib/edge/fleet.py", "from ..hosting import endpoint"),
    ("one-direction", "constructs_lib/batch/run.py", "from ..rules import template"),
    ("rules-need-no-cdk", "constructs_lib/rules/models.py", "from ..hosting import variant"),
    ("rules-need-no-cdk", "constructs_lib/rules/template.py", "import aws_cdk"),
    ("app-on-top", "stacks/realtime.py", "import app"),
    ("app-on-top", "constructs_lib/model/image.py", "from tools.image_table import main"),
    ("runtime-is-not-synth", "constructs_lib/hosting/runtime/deploy_guard.py", "import aws_cdk"),
    ("runtime-is-not-synth", "constructs_lib/hosting/runtime/deploy_guard.py", "import jsii"),
    ("runtime-is-not-synth", "constructs_lib/hosting/runtime/deploy_guard.py", "from ...core import errors"),
    ("runtime-is-not-synth", "constructs_lib/hosting/runtime/deploy_guard.py", "from .. import metrics"),
    ("runtime-is-not-synth", "constructs_lib/experiments/runtime/bandit.py", "import constructs"),
    ("runtime-is-not-synth", "constructs_lib/batch/runtime/start.py", "import aws_cdk"),
    ("runtime-is-not-synth", "constructs_lib/batch/runtime/start.py", "from .. import input"),
    ("runtime-is-not-synth", "constructs_lib/batch/runtime/rows.py", "from ...monitoring.runtime import run"),
    ("synth-is-not-runtime", "constructs_lib/batch/run.py", "from .runtime import start"),
    ("synth-is-not-runtime", "constructs_lib/hosting/deploy_guard.py", "from .runtime import deploy_guard"),
    ("synth-is-not-runtime", "stacks/realtime.py", "import constructs_lib.hosting.runtime.deploy_guard"),
    ("synth-is-not-runtime", "constructs_lib/experiments/ab_test.py", "from .runtime import schema"),
    ("report-is-not-synth", "constructs_lib/experiments/report/cli.py", "import aws_cdk"),
    ("report-is-not-synth", "constructs_lib/experiments/report/source.py", "from .. import ab_test"),
    ("report-is-not-synth", "constructs_lib/experiments/report/source.py", "from ...core import errors"),
    (
        "report-is-not-synth",
        "constructs_lib/experiments/__main__.py",
        "from .manager import ExperimentManager",
    ),
    ("report-is-not-synth", "constructs_lib/monitoring/report/cli.py", "import aws_cdk"),
    ("report-is-not-synth", "constructs_lib/monitoring/report/cli.py", "from ...core import buckets"),
    ("report-is-not-synth", "constructs_lib/monitoring/__main__.py", "import constructs"),
    ("report-is-imported-by-nothing", "constructs_lib/experiments/ab_test.py", "from .report import page"),
    (
        "monitoring-report-is-imported-by-nothing",
        "constructs_lib/monitoring/drift.py",
        "from .report import cli",
    ),
    ("pages-know-of-nothing", "constructs_lib/pages/svg.py", "from ..experiments.runtime import bandit"),
    ("pages-know-of-nothing", "constructs_lib/pages/svg.py", "from ..core import errors"),
    ("pages-know-of-nothing", "constructs_lib/pages/svg.py", "import aws_cdk"),
    ("pages-are-for-reports", "constructs_lib/hosting/metrics.py", "from ..pages import formats"),
    ("pages-are-for-reports", "constructs_lib/experiments/runtime/bandit.py", "from ...pages import formats"),
    ("client-stands-alone", "constructs_lib/access/client/http.py", "import aws_cdk"),
    ("client-stands-alone", "constructs_lib/access/client/http.py", "from ...core import errors"),
    ("client-stands-alone", "constructs_lib/access/client/http.py", "from ..props import Throttle"),
    ("client-is-for-applications", "constructs_lib/hosting/grants.py", "from ..access.client import http"),
    ("client-is-for-applications", "constructs_lib/access/props.py", "from .client import Deadline"),
    ("local-is-imported-by-nothing", "constructs_lib/hosting/grants.py", "from ..local import settings"),
    ("local-is-imported-by-nothing", "stacks/realtime.py", "import constructs_lib.local.server"),
    ("local-never-synthesizes", "constructs_lib/local/settings.py", "import aws_cdk"),
    (
        "local-never-synthesizes",
        "constructs_lib/local/settings.py",
        "from constructs_lib.model import archive",
    ),
    ("local-never-synthesizes", "constructs_lib/local/settings.py", "from constructs_lib import Model"),
    ("stacks-use-public-names", "stacks/realtime.py", "from constructs_lib.hosting.variant import Variant"),
]


def test_the_laws_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("contract", "module", "line"), BREACHES)
def test_each_law_can_fail(contract: str, module: str, line: str, tmp_path: Path) -> None:
    copy = copy_of_the_code(tmp_path)
    for name in (
        "experiments/ab_test",
        "monitoring/drift",
        "edge/fleet",
        "delivery/manifest",
        "access/props",
    ):
        touch(copy / "constructs_lib" / f"{name}.py")
    write_into(copy / module, line)
    result = lint_imports(copy, contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout


def test_a_breach_is_listed_for_every_law() -> None:
    contracts = re.findall(r"^\[importlinter:contract:(.+)]$", (ROOT / ".importlinter").read_text(), re.M)
    assert {contract for contract, _, _ in BREACHES} == set(contracts)


MONITORING_FACADE = {
    ("constructs_lib/monitoring/facade.py", "cdk_monitoring_constructs"),
    ("constructs_lib/monitoring/endpoint_monitoring.py", "cdk_monitoring_constructs"),
}
"""For types, and where a user brings a facade of it: loaded then only, as tests/monitoring/test_facade.py shows."""


YAML_OF_TEMPLATES = {("constructs_lib/rules/yaml_lines.py", "yaml")}
"""Loaded where a template is YAML only, and told of where it is missing, as tests/rules/test_reading.py shows."""

OF_MANIFESTS = {"pydantic", "pydantic_core", "yaml"}
"""The extra `delivery`; tests/delivery/test_manifest_schema.py shows that constructs load none of it."""


def test_synth_code_imports_the_cdk_and_the_standard_library_only() -> None:
    foreign = {
        (str(path.relative_to(ROOT)), name)
        for path in synth_modules()
        for name in imported_modules(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "aws_cdk", "constructs", "jsii"}
        and name.split(".")[0] not in {"constructs_lib", "stacks"}
        and not (
            path.is_relative_to(ROOT / "constructs_lib" / "delivery") and name.split(".")[0] in OF_MANIFESTS
        )
    }
    assert foreign == MONITORING_FACADE | YAML_OF_TEMPLATES


def test_no_alpha_module_is_imported_or_required() -> None:
    alpha = {
        (str(path.relative_to(ROOT)), name)
        for path in synth_modules()
        for name in imported_modules(path)
        if "alpha" in name
    }
    assert not alpha
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not [each for each in project["dependencies"] if "alpha" in each]


def test_no_import_hides_from_the_laws() -> None:
    """Imports by name escape import-linter; the lazy table of the package is the one that may."""
    hidden = [
        str(path.relative_to(ROOT))
        for path in synth_modules()
        if re.search(r"\bimport_module\b|\b__import__\b", path.read_text())
    ]
    assert hidden == ["constructs_lib/__init__.py"]


def lint_imports(folder: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    chosen = ["--contract", contract] if contract is not None else []
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", *chosen], cwd=folder, capture_output=True, text=True, check=False
    )


def copy_of_the_code(folder: Path) -> Path:
    for name in ("constructs_lib", "stacks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def touch(module: Path) -> None:
    """Make `module`, and packages of its folders, where they are not there yet."""
    module.parent.mkdir(parents=True, exist_ok=True)
    for folder in (module.parent, module.parent.parent):
        (folder / "__init__.py").touch()
    module.touch()


def write_into(module: Path, line: str) -> None:
    touch(module)
    with module.open("a") as file:
        file.write(f"\n{line}\n")


def synth_modules() -> Iterator[Path]:
    yield ROOT / "app.py"
    for package in ("constructs_lib", "stacks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            within = path.relative_to(ROOT).parts
            if "runtime" not in within and not any(within[: len(room)] == room for room in NOT_SYNTH):
                yield path


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
