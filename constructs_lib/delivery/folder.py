"""The folder of an environment: its manifests, each merged onto what it has in common with others, and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import checking
from .problems import COLLISION_RULE, FILE_RULE, FOLDER_RULE, YAML_RULE, ManifestError, Mark, Problem
from .reading import Node, merged, read
from .schema.document import AnyDeployment, Environment

ENVIRONMENT_FILE = "_environment.yaml"
BASE_FOLDER = "_base"
_ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAMES = ("endpoint_name", "experiment_name", "fleet_name", "transform_name", "parameter_name")
"""What no two deployments of an account may share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A deployment, and where each part of it is written."""

    name: str
    file: str
    node: Node
    """The document as merged."""
    document: AnyDeployment


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFolder:
    """What is deployed into one environment."""

    name: str
    folder: Path
    """The folder with all environments."""
    environment: Environment
    node: Node
    """`_environment.yaml`."""
    manifests: tuple[Manifest, ...]
    """By name."""

    @property
    def root(self) -> Path:
        """What paths in manifests start from: the folder that holds `deployments/`."""
        return self.folder.parent


def environments(folder: Path) -> list[str]:
    """The names of the environments in `folder`."""
    return sorted(each.name for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._")


def load(folder: Path, name: str) -> EnvironmentFolder:
    """Everything that is deployed into the environment `name`.

    :raises ManifestError: with everything that is wrong in any of its files.
    """
    return _Loader(folder.absolute(), name).load()


def shown_file(folder: Path, file: Path) -> str:
    """A file's name in problems: from the folder that holds `deployments/`."""
    return file.relative_to(folder.absolute().parent).as_posix()


class _Loader:
    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.own = folder / name
        self.problems: list[Problem] = []

    def load(self) -> EnvironmentFolder:
        # Another name could also be a path to somewhere else.
        if not _ENVIRONMENT_NAME.fullmatch(self.name):
            allowed = "a name of lower-case letters, digits and single hyphens"
            raise ManifestError([self._about_folder(self.folder, f"the environment {self.name!r}", allowed)])
        if not self.own.is_dir():
            known = ", ".join(environments(self.folder)) if self.folder.is_dir() else ""
            allowed = known or "a folder with manifests"
            raise ManifestError([self._about_folder(self.own, f"no environment {self.name!r}", allowed)])
        self.problems += self._strangers()
        node, environment = self._environment()
        manifests = [each for file in self._files() if (each := self._manifest(file, node))]
        self.problems += self._collisions(manifests)
        self.problems += self._stacks_of_others(manifests)
        if self.problems or environment is None or node is None:
            raise ManifestError(self.problems)
        return EnvironmentFolder(
            name=self.name,
            folder=self.folder,
            environment=environment,
            node=node,
            manifests=tuple(manifests),
        )

    def _about_folder(self, place: Path, given: str, allowed: str) -> Problem:
        mark = Mark(shown_file(self.folder, place))
        return Problem(mark=mark, path="", given=given, allowed=allowed, rule=FOLDER_RULE)

    def _strangers(self) -> Iterator[Problem]:
        """What lies in the folder and would silently not be read."""
        base = self.folder / BASE_FOLDER
        for each in [*sorted(self.own.iterdir()), *(sorted(base.iterdir()) if base.is_dir() else ())]:
            if each.name.startswith("."):
                continue
            if each.is_dir():
                yield self._about_folder(each, "a folder", "manifests directly in the environment's folder")
            elif each != self.own / ENVIRONMENT_FILE and _looks_like_a_manifest(each):
                yield self._about_folder(each, each.name, f"<name>.yaml, or {ENVIRONMENT_FILE}")

    def _files(self) -> list[Path]:
        return sorted(
            each for each in self.own.glob("*.yaml") if each.name[0] not in "._" and not each.is_dir()
        )

    def _read(self, file: Path) -> Node | None:
        shown = shown_file(self.folder, file)
        if not file.resolve().is_relative_to(self.folder.parent.resolve()):
            self.problems.append(
                Problem(
                    mark=Mark(shown),
                    path="",
                    given="a link that leaves the repository",
                    allowed="a file that stays in it: what is merged is what is deployed",
                    rule=FILE_RULE,
                )
            )
            return None
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            given = f"unreadable: {type(error).__name__}"
            self.problems.append(
                Problem(mark=Mark(shown), path="", given=given, allowed="a text in UTF-8", rule=YAML_RULE)
            )
            return None
        node, problems = read(text, shown)
        self.problems += problems
        return node

    def _environment(self) -> tuple[Node | None, Environment | None]:
        file = self.own / ENVIRONMENT_FILE
        if not file.is_file():
            self.problems.append(
                self._about_folder(file, "no such file", "what the environment has in common")
            )
            return None, None
        node = self._read(file)
        if node is None:
            return None, None
        environment, problems = checking.environment(node, self.name)
        self.problems += problems
        return node, environment

    def _manifest(self, file: Path, environment: Node | None) -> Manifest | None:
        node = self._read(file)
        if node is None:
            return None
        base = self.folder / BASE_FOLDER / file.name
        if base.is_file():
            below = self._read(base)
            if below is None:
                return None
            if not isinstance(below.value, dict):
                self.problems.append(checking.no_map(below))
                return None
            node = merged(below, node)
        node = _on_defaults(node, environment)
        document, problems = checking.deployment(node, file.stem)
        self.problems += problems
        if document is None:
            return None
        shown = shown_file(self.folder, file)
        return Manifest(name=file.stem, file=shown, node=node, document=document)

    def _collisions(self, manifests: list[Manifest]) -> Iterator[Problem]:
        taken: dict[tuple[str, str], str] = {}
        for manifest in manifests:
            for field in _NAMES:
                name = given_name(manifest, field, self.name)
                if name is None:
                    continue
                first = taken.setdefault((field, name.lower()), manifest.name)
                if first != manifest.name:
                    yield self._taken(manifest, field, name, first)

    def _stacks_of_others(self, manifests: list[Manifest]) -> Iterator[Problem]:
        """``dev`` with ``eu-x`` and ``dev-eu`` with ``x`` would deploy over each other in one account."""
        others = {
            default_name(other, file.stem): other
            for other in environments(self.folder)
            if other != self.name
            for file in (self.folder / other).glob("[!._]*.yaml")
        }
        for manifest in manifests:
            other = others.get(default_name(self.name, manifest.name))
            if other is not None:
                path = ("metadata", "name")
                yield Problem(
                    mark=manifest.node.value_place(path),
                    path=checking.path_text(path),
                    given=f"{manifest.name!r}, whose stack would be called as one of {other}",
                    allowed="a name of its own",
                    rule=COLLISION_RULE,
                )

    def _taken(self, manifest: Manifest, field: str, name: str, first: str) -> Problem:
        alias = type(manifest.document.spec).model_fields[field].alias or field
        path = ("spec", alias)
        return Problem(
            mark=manifest.node.value_place(path),
            path=checking.path_text(path),
            given=f"{name!r}, which is also that of {first}",
            allowed="a name of its own",
            rule=COLLISION_RULE,
        )


def _looks_like_a_manifest(file: Path) -> bool:
    """Whether somebody will have meant it to be read, which it is not."""
    if file.suffix == ".yaml":
        return file.name.startswith("_")
    return file.suffix.lower() in (".yml", ".yaml", ".json")


def given_name(manifest: Manifest, field: str, environment: str) -> str | None:
    """The physical name that a deployment has, given or by default."""
    spec = manifest.document.spec
    if field not in type(spec).model_fields:
        return None
    given = getattr(spec, field)
    if given is None and field in ("endpoint_name", "fleet_name"):
        return default_name(environment, manifest.name)
    return None if given is None else str(given)


def default_name(environment: str, name: str) -> str:
    """What the endpoint or fleet of a deployment is called when nothing else is said."""
    return f"{environment}-{name}"


def _on_defaults(node: Node, environment: Node | None) -> Node:
    """A manifest laid upon the environment's defaults of its kind."""
    kind = node.child("kind")
    if environment is None or kind is None or not isinstance(kind.value, str):
        return node
    defaults = environment.at(("spec", "defaults", kind.value))
    if defaults is None or not isinstance(defaults.value, dict):
        return node
    # The mark of the whole is the manifest's: that is where something is missing.
    spec = node.child("spec")
    mark = spec.mark if spec is not None else node.mark
    return merged(Node(mark=mark, value={"spec": defaults}, keys={"spec": mark}), node)
