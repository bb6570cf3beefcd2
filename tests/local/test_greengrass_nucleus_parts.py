"""The parts of the nucleus that need no cloud: versions, configurations, recipes, archives, states."""

from __future__ import annotations

import contextlib
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.local.greengrass.nucleus.artifacts import ArtifactError, ArtifactStore
from constructs_lib.local.greengrass.nucleus.cloud import CloudError
from constructs_lib.local.greengrass.nucleus.configuration import updated
from constructs_lib.local.greengrass.nucleus.recipe import NoManifestError, Package, Step, package_of
from constructs_lib.local.greengrass.nucleus.resolve import ResolutionError, resolved
from constructs_lib.local.greengrass.nucleus.spec import Spec
from constructs_lib.local.greengrass.nucleus.supervisor import BrokenError, Supervisor
from constructs_lib.local.greengrass.versions import Requirement, Version
from tools.embedded_aws import until

LINUX = {"os": "linux", "architecture": "amd64"}


@pytest.mark.parametrize(
    ("requirement", "allowed", "refused"),
    [
        (">=0.0.0", "0.0.0 1.2.3 999999.0.0", "0.0.0-rc.1"),
        ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 1.0.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.9", "2.0.0"),
        ("1.2", "1.2.0 1.2.7", "1.3.0"),
        ("1.x", "1.0.0 1.9.0", "2.0.0"),
        ("*", "0.0.1 7.0.0", ""),
        (">=1.0.0 <2.0.0", "1.0.0 1.99.0", "2.0.0 0.9.0"),
        ("1.0.0 || >=3.0.0", "1.0.0 3.1.0", "2.0.0"),
        ("=1.0.0", "1.0.0", "1.0.1"),
    ],
)
def test_requirements(requirement: str, allowed: str, refused: str) -> None:
    asked = Requirement.of(requirement)
    assert [version for version in allowed.split() if not asked.allows(version)] == []
    assert [version for version in refused.split() if asked.allows(version)] == []


def test_versions_are_ordered_as_semver_says() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.9.0", "1.10.0"]
    mixed = [ordered[place] for place in (3, 6, 0, 5, 1, 4, 2)]
    assert sorted(mixed, key=Version.of) == ordered
    for wrong in ("1.0", "01.0.0", "1.0.0.0", "1.0.1000000", ""):
        with pytest.raises(ValueError, match="is not a semantic version"):
            Version.of(wrong)


def test_a_configuration_is_kept_merged_reset_and_completed() -> None:
    defaults = {"a": 1, "b": {"x": 1, "y": [1]}}
    assert updated(None, defaults, None) == defaults
    merged = updated(None, defaults, {"merge": {"b": {"x": 2}, "c": None}})
    assert merged == {"a": 1, "b": {"x": 2, "y": [1]}, "c": None}
    # A new version: what was there stays, what is new comes.
    assert updated(merged, {"a": 5, "d": 6}, None) == {**merged, "d": 6}
    assert updated(merged, defaults, {"reset": ["/b/x", "/c", "/nowhere/deep"]}) == defaults
    assert updated(merged, defaults, {"reset": [""], "merge": {"a": 9}}) == {**defaults, "a": 9}
    assert defaults == {"a": 1, "b": {"x": 1, "y": [1]}}, "nothing that was given is changed"


def recipe(name: str = "Main", version: str = "1.0.0", **manifest: Any) -> dict[str, Any]:
    return {
        "ComponentName": name,
        "ComponentVersion": version,
        "Manifests": [{"Platform": LINUX, **manifest}],
    }


def test_the_first_manifest_that_fits_counts() -> None:
    given = recipe()
    given["Manifests"] = [
        {"Platform": {"os": "windows"}, "Lifecycle": {"Run": "windows"}},
        {"Platform": {"os": "linux", "architecture": "/arm|aarch64/"}, "Lifecycle": {"Run": "arm"}},
        {"Platform": {"os": "*"}, "Lifecycle": {"RUN": "any"}},
    ]
    assert package_of(given, LINUX).steps["run"].script == "any"
    assert package_of(given, {**LINUX, "architecture": "aarch64"}).steps["run"].script == "arm"
    with pytest.raises(NoManifestError):
        package_of({**given, "Manifests": given["Manifests"][:1]}, LINUX)


def test_dependencies_are_asked_again_when_more_is_required() -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def answer(name: str, requirements: Any) -> dict[str, Any]:
        asked.append((name, dict(requirements)))
        dependencies = {"A": {"C": "^1.0.0"}, "B": {"C": "1.0.0"}}.get(name, {})
        return {
            **recipe(name),
            "ComponentDependencies": {other: {"VersionRequirement": v} for other, v in dependencies.items()},
        }

    assert sorted(resolved({"A": {"g": "1.0.0"}, "B": {"g": "1.0.0"}}, answer, LINUX)) == ["A", "B", "C"]
    assert asked[-1] == ("C", {"A": "^1.0.0", "B": "1.0.0"})


def test_circles_and_what_is_not_there_are_refused() -> None:
    def circle(name: str, _requirements: Any) -> dict[str, Any]:
        other = "B" if name == "A" else "A"
        return {**recipe(name), "ComponentDependencies": {other: {"VersionRequirement": "*"}}}

    with pytest.raises(ResolutionError, match="Circular dependency: A -> B -> A"):
        resolved({"A": {}}, circle, LINUX)

    def nothing(_name: str, _requirements: Any) -> dict[str, Any]:
        raise CloudError("none")

    with pytest.raises(ResolutionError, match=r"'A' version with cloud .* 'g requires 1\.0\.0'"):
        resolved({"A": {"g": "1.0.0"}}, nothing, LINUX)


def package(*artifacts: dict[str, Any]) -> Package:
    return package_of(recipe(Artifacts=list(artifacts)), LINUX)


def test_an_archive_is_fetched_and_unpacked_once(tmp_path: Path) -> None:
    store, fetched = ArtifactStore(tmp_path), []

    def fetch(uri: str, path: Path) -> None:
        fetched.append(uri)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("dir/x.txt", "x")

    wanted = package({"Uri": "s3://b/k/pack.zip", "Unarchive": "ZIP"})
    for _again in range(2):
        store.prepare(wanted, fetch)
    assert fetched == ["s3://b/k/pack.zip"]
    assert (store.unarchived("Main", "1.0.0") / "pack" / "dir" / "x.txt").read_text() == "x"
    store.prune({"Main": {"2.0.0"}})
    assert not store.artifacts("Main", "1.0.0").exists()
    assert not store.unarchived("Main", "1.0.0").exists()


def test_an_artefact_that_is_not_what_the_recipe_says_is_refused(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    wrong = package({"Uri": "s3://b/k/x", "Digest": "AAAA", "Algorithm": "SHA-256"})
    with pytest.raises(ArtifactError, match="Integrity check"):
        store.prepare(wrong, lambda _uri, path: path.write_bytes(b"x") and None)
    assert list(store.artifacts("Main", "1.0.0").iterdir()) == []


def test_an_archive_that_leads_outside_is_refused(tmp_path: Path) -> None:
    def fetch(_uri: str, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../../../../outside.txt", "x")

    with pytest.raises(ArtifactError, match="outside of itself"):
        ArtifactStore(tmp_path).prepare(package({"Uri": "s3://b/k/p.zip", "Unarchive": "ZIP"}), fetch)
    assert not list(tmp_path.rglob("outside.txt"))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(ArtifactStore(tmp_path), thing="t", environment={"NOTES": str(tmp_path / "notes")})
    yield running
    running.close()


def spec(name: str, *hard: str, version: str = "1.0.0", **scripts: str) -> tuple[str, Spec]:
    steps = {phase: Step(script=script, timeout=10) for phase, script in scripts.items()}
    return name, Spec(name=name, version=version, steps=steps, hard=frozenset(hard))


def notes(tmp_path: Path) -> list[str]:
    path = tmp_path / "notes"
    return path.read_text().split() if path.exists() else []


def test_installs_wait_for_nobody_and_starts_for_hard_dependencies(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """As the nucleus does: an install script must not stand on the install of a dependency."""
    slow = spec(
        "Slow", install="sleep 0.5; echo slow-installed >> $NOTES", run="echo slow >> $NOTES; sleep 99"
    )
    quick = spec(
        "Quick", "Slow", install="echo quick-installed >> $NOTES", run="echo quick >> $NOTES; sleep 99"
    )
    supervisor.apply(dict([slow, quick]))
    until(lambda: len(notes(tmp_path)) == 4, what="all notes")
    assert notes(tmp_path)[:2] == ["quick-installed", "slow-installed"]
    assert set(notes(tmp_path)[2:]) == {"slow", "quick"}


def test_a_failed_run_is_tried_three_times(supervisor: Supervisor, tmp_path: Path) -> None:
    recovering = spec(
        "Fails",
        run="echo run >> $NOTES; exit 1",
        recover="echo recover >> $NOTES",
        shutdown="echo shut >> $NOTES",
    )
    # A run has started, whatever becomes of it later: the deployment may have succeeded by then.
    with contextlib.suppress(BrokenError):
        supervisor.apply(dict([recovering]))
    until(lambda: [each["state"] for each in supervisor.report()] == ["BROKEN"], what="broken")
    until(lambda: notes(tmp_path).count("shut") == 3, what="the shutdowns")
    assert notes(tmp_path).count("run") == 3
    assert notes(tmp_path).count("recover") == 3


def test_a_script_that_still_runs_is_interrupted_by_another_version(supervisor: Supervisor) -> None:
    hanging = dict([spec("Main", install="sleep 60")])
    applied = threading.Thread(target=supervisor.apply, args=(hanging,))
    applied.start()
    until(lambda: list(supervisor.report()), what="the first version")
    time.sleep(0.3)
    begun = time.monotonic()
    supervisor.apply(dict([spec("Main", version="1.1.0", install="true")]))
    applied.join()
    assert time.monotonic() - begun < 10
    assert [(each["version"], each["state"]) for each in supervisor.report()] == [("1.1.0", "FINISHED")]


def test_what_ignores_the_request_to_end_is_made_to(supervisor: Supervisor, tmp_path: Path) -> None:
    stubborn = spec("Main", run="trap '' TERM; echo up >> $NOTES; while true; do sleep 1; done")
    supervisor.apply(dict([stubborn]))
    until(lambda: notes(tmp_path), what="it runs")
    begun = time.monotonic()
    supervisor.apply({})
    assert 4 < time.monotonic() - begun < 12
