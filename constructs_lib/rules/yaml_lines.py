"""YAML as CloudFormation writes it, short forms of its functions included, with the line of every value."""

from __future__ import annotations

from collections.abc import Iterator

from .json_lines import Document, Path

_LONG = {"Ref": "Ref", "Condition": "Condition"}
"""Short forms whose long ones do not begin with ``Fn::``."""
_PLAIN = frozenset({"bool", "float", "int", "null"})


class NoYamlError(Exception):
    """YAML is to be read, and PyYAML is not installed."""


def parsed(text: str) -> Document:
    """The document in `text`.

    :raises NoYamlError: without PyYAML.
    :raises yaml.YAMLError: for what is no YAML.
    """
    try:
        import yaml
    except ImportError:
        raise NoYamlError(
            "templates in YAML are read with PyYAML: pip install 'constructs-lib[delivery]'"
        ) from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        return Document(None if node is None else _Reader(loader, lines).value(node, ()), lines)
    finally:
        loader.dispose()


class _Reader:
    """Makes values of nodes, and notes their lines."""

    def __init__(self, loader: object, lines: dict[Path, int]) -> None:
        import yaml

        self._yaml, self._loader, self._lines = yaml, loader, lines

    def value(self, node: object, path: Path) -> object:
        self._lines.setdefault(path, self._line_of(node))
        tag = str(getattr(node, "tag", ""))
        if not tag.startswith("!"):
            return self._untagged(node, path)
        name = tag[1:]
        return {_LONG.get(name, f"Fn::{name}"): self._argument(name, node, path)}

    @staticmethod
    def _line_of(node: object) -> int:
        mark = getattr(node, "start_mark", None)
        return 1 if mark is None else int(mark.line) + 1

    def _argument(self, name: str, node: object, path: Path) -> object:
        value = self._untagged(node, path)
        # !GetAtt Resource.Attribute is short for a list of the two.
        return value.split(".", 1) if name == "GetAtt" and isinstance(value, str) else value

    def _untagged(self, node: object, path: Path) -> object:
        yaml = self._yaml
        if isinstance(node, yaml.MappingNode):
            return dict(self._members(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _members(self, node: object, path: Path) -> Iterator[tuple[str, object]]:
        for key, value in node.value:  # type: ignore[attr-defined]
            name = str(key.value)
            self._lines.setdefault((*path, name), self._line_of(key))
            yield name, self.value(value, (*path, name))

    def _scalar(self, node: object) -> object:
        """Numbers, booleans and nothing as such; all else, dates too, is text to CloudFormation."""
        kind = str(node.tag).rpartition(":")[2]  # type: ignore[attr-defined]
        text = str(node.value)  # type: ignore[attr-defined]
        if kind not in _PLAIN:
            return text
        make = getattr(self._loader, f"construct_yaml_{kind}")
        value: object = make(node)
        return value
