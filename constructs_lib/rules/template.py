"""A CloudFormation template as rules look at it: resources, and nodes that know where they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import json_lines, yaml_lines
from .json_lines import Document
from .values import UNKNOWN, Evaluation, Mixed, Reference, Unknown

_STEP = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]")


class TemplateError(Exception):
    """A file that is no template, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a resource, with the path of properties that leads to it."""

    path: str
    value: object

    def __getitem__(self, key: str) -> Node:
        """The member `key`: of what is unknown unknown, of what is absent absent."""
        if isinstance(self.value, Unknown):
            return Node(self._below(key), UNKNOWN)
        members = self.value if isinstance(self.value, dict) else {}
        found = members.get(key)
        # A function beside properties (Fn::Transform) may add any.
        added = found is None and any(str(each).startswith("Fn::") for each in members)
        return Node(self._below(key), UNKNOWN if added else found)

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def at(self, *keys: str) -> Node:
        """The node at the end of `keys`."""
        node = self
        for key in keys:
            node = node[key]
        return node

    @property
    def given(self) -> bool:
        """Whether something is there, known or not."""
        return self.value is not None

    @property
    def known(self) -> bool:
        """Whether something is there that the template itself knows."""
        return self.value is not None and not isinstance(self.value, Unknown)

    @property
    def sure(self) -> bool:
        """Whether it is certain that something is there; what it is may be unknown."""
        return self.value is not None and self.value is not UNKNOWN

    @property
    def absent(self) -> bool:
        """Whether it is certain that nothing is there."""
        return self.value is None

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a list; none of what is none."""
        given = self.value if isinstance(self.value, list) else ()
        return tuple(Node(f"{self.path}[{index}]", item) for index, item in enumerate(given))

    @property
    def all_known(self) -> bool:
        """Whether it is a list (or absent) that the deployment adds nothing to and takes nothing from."""
        return self.absent or (
            isinstance(self.value, list) and not any(item is UNKNOWN for item in self.value)
        )

    @property
    def number(self) -> float | None:
        """The number, also where it is written as text, which CloudFormation takes; None for all else."""
        if isinstance(self.value, bool):
            return None
        if isinstance(self.value, int | float):
            return self.value
        try:
            return float(self.value) if isinstance(self.value, str) else None
        except ValueError:
            return None

    @property
    def text(self) -> str | None:
        """The text; None for what is none, or unknown."""
        return self.value if isinstance(self.value, str) else None

    @property
    def true(self) -> bool:
        """Whether it is true, also where that is written as text."""
        return self.value is True or (isinstance(self.value, str) and self.value.lower() == "true")

    @property
    def partly(self) -> str | None:
        """Text of which parts may be unknown: the logical ids of resources that it names between null bytes."""
        if isinstance(self.value, Mixed):
            return self.value.text
        return str(self.value) if isinstance(self.value, str | Reference) else None


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One resource of a template."""

    logical_id: str
    type: str
    properties: Node
    metadata: Mapping[str, object]
    template: Template

    def __getitem__(self, key: str) -> Node:
        return self.properties[key]

    def line(self, property: str) -> int:
        """The line of the property at a path such as ``ProductionVariants[0].VariantName``, or of what is around it."""
        steps = [
            int(each["index"]) if each["index"] is not None else each["key"]
            for each in _STEP.finditer(property)
        ]
        return self.template.document.line(("Resources", self.logical_id, "Properties", *steps))

    @property
    def named(self) -> frozenset[str]:
        """What others may call it by: its logical id between null bytes, and its name where part of it is known."""
        name = self[f"{self.type.rpartition(':')[2]}Name"].partly
        said = name is not None and name.strip("\0") != ""
        return frozenset({f"\0{self.logical_id}\0", *([name] if name is not None and said else [])})


@dataclass(frozen=True, slots=True)
class Template:
    """A template with its resources, in their order."""

    file: str
    document: Document
    resources: list[Resource] = field(default_factory=list)

    @staticmethod
    def read(file: str | Path) -> Template:
        """The template in a file, JSON or YAML.

        :raises TemplateError: where it cannot be read, or is none.
        """
        try:
            text = Path(file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"{file}: cannot be read: {error}") from None
        return Template.of(text, file=str(file))

    @staticmethod
    def of(text: str, *, file: str = "template") -> Template:
        """The template in `text`; `file` is what findings call it.

        :raises TemplateError: where it is none.
        """
        document = _document(text, file)
        value = document.value
        if not isinstance(value, dict) or not isinstance(value.get("Resources"), dict):
            raise TemplateError(f"{file}: no CloudFormation template: it has no Resources")
        template = Template(file, document)
        evaluation = Evaluation(value)
        for logical_id, each in value["Resources"].items():
            if isinstance(each, dict) and isinstance(each.get("Type"), str):
                template.resources.append(_resource(template, evaluation, logical_id, each))
        return template

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """Its resources of one of `types`."""
        return tuple(each for each in self.resources if each.type in types)

    def named_by(self, node: Node, type: str) -> Resource | None:
        """The resource of `type` in this template that `node` refers to or names; None where there is no one such."""
        wanted = node.partly
        if wanted is None:
            return None
        found = [each for each in self.of_type(type) if wanted in each.named]
        return found[0] if len(found) == 1 else None


def _resource(
    template: Template, evaluation: Evaluation, logical_id: str, given: dict[str, object]
) -> Resource:
    properties = evaluation.value(given.get("Properties", {}))
    metadata = given.get("Metadata")
    return Resource(
        logical_id=logical_id,
        type=str(given["Type"]),
        properties=Node("", properties),
        metadata=metadata if isinstance(metadata, dict) else {},
        template=template,
    )


def _document(text: str, file: str) -> Document:
    """JSON by its first character, since without PyYAML that is all that can be read."""
    readers: Mapping[bool, Callable[[str], Document]] = {True: json_lines.parsed, False: yaml_lines.parsed}
    is_json = text.lstrip()[:1] in ("{", "[")
    try:
        return readers[is_json](text)
    except yaml_lines.NoYamlError as error:
        raise TemplateError(f"{file}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"{file}: no {'JSON' if is_json else 'YAML'}: {error}") from None
    except Exception as error:
        # PyYAML's own errors: their class is only there where PyYAML is.
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise TemplateError(f"{file}: no YAML: {' '.join(str(error).split())}") from None


def templates_in(given: str | Path) -> Sequence[Path]:
    """The files of templates that a path stands for: itself, or those of a cloud assembly (``cdk.out``).

    :raises TemplateError: for a path where nothing is, and a folder that is no cloud assembly.
    """
    path = Path(given)
    if not path.exists():
        raise TemplateError(f"{given}: no such file or folder")
    if path.is_file() and path.name != "manifest.json":
        return [path]
    folder = path if path.is_dir() else path.parent
    if not (folder / "manifest.json").is_file():
        raise TemplateError(f"{given}: no cloud assembly: it has no manifest.json; name the templates")
    return sorted(_assembled(folder))


def _assembled(folder: Path) -> Iterator[Path]:
    """The templates of stacks, those of nested stages and nested stacks included."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        for artifact in manifest.get("artifacts", {}).values():
            properties = artifact.get("properties", {})
            if artifact["type"] == "aws:cloudformation:stack":
                yield folder / properties["templateFile"]
            elif artifact["type"] == "cdk:cloud-assembly":
                yield from _assembled(folder / properties["directoryName"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TemplateError(
            f"{folder / 'manifest.json'}: no manifest of a cloud assembly: {error!r}"
        ) from None
    yield from folder.glob("*.nested.template.json")
