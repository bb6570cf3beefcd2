"""Print the table of AWS's own container images, from the data files of `sagemaker-core`.

The files are read where they are installed, without importing the SDK (importing it takes seconds). How a
tag is made of their fields is the logic of `sagemaker.core.image_uris.retrieve`, written down again here:
`tests/model/test_image_table.py` compares every image of the table with what `retrieve` itself returns.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

Config = dict[str, Any]
"""One of the SDK's JSON files, or a part of one."""
Row = tuple[str, str | None, str | None, str | None, str, str, str | None]
"""version, base framework, Python version, processor, registry, repository, tag."""

_PACKAGE = "sagemaker-core"
_HOSTING_SCOPES = ("inference", "inference_graviton")
# What runs in processing jobs, and the scope it is listed under. SageMaker's scikit-learn processor runs
# the training image. Others (Data Wrangler, geospatial) are launched by their own services, not by us.
_PROCESSING = {
    "clarify": "processing",
    "model-monitor": "monitoring",
    "sklearn": "training",
    "spark": "processing",
}

# xgboost is an algorithm to some and a framework to others; the -neo images serve compiled algorithms.
_ALGORITHM_AND_FRAMEWORK = frozenset({"xgboost"})
_COMPILED_ALGORITHMS = frozenset({"image-classification-neo", "xgboost-neo"})

_HUGGING_FACE = frozenset({"huggingface", "huggingface-neuron", "huggingface-neuronx"})
_BASE_FRAMEWORK = re.compile(r"(pytorch|tensorflow)(?P<version>\d.*)")
_WITH_NEURON_SDK = frozenset(
    {
        "huggingface-pytorch-inference-neuron",
        "huggingface-pytorch-inference-neuronx",
        "huggingface-vllm-inference-neuronx",
    }
)
# The SDK has these tags in its code, not in its data.
_ARM64_TAGS = {
    ("xgboost", "1.3-1"): "1.3-1-arm64",
    ("xgboost", "1.5-1"): "1.5-1-arm64",
    ("sklearn", "1.0-1"): "1.0-1-arm64-cpu-py3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One image: the values that select it, as a user gives them, and its part of the SDK's file."""

    name: str
    scope: str
    version: str
    version_meant: str
    """`version`, or what it is an alias of."""
    base: str | None
    base_meant: str | None
    py_version: str | None
    processor: str | None
    entry: Config


def load(folder: Path) -> dict[str, Config]:
    """The SDK's files by framework name."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}


def installed_files() -> Path:
    """Where the installed SDK keeps its image files."""
    return Path(str(metadata.distribution(_PACKAGE).locate_file("sagemaker/core/image_uri_config")))


def sections(configs: dict[str, Config]) -> Iterator[tuple[str, str, Config]]:
    """(name, our scope, the part of the file for that scope), of all we list."""
    for name, config in configs.items():
        for scope in _HOSTING_SCOPES:
            if section := _section(config, scope):
                yield name, scope, section
        if (theirs := _PROCESSING.get(name)) and (section := _section(config, theirs)):
            yield name, "processing", section


def _section(config: Config, scope: str) -> Config | None:
    """A file is either flat, naming its scopes in a list, or has a part for each scope."""
    if "scope" in config:
        return config if scope in config["scope"] else None
    return config.get(scope)


def choices(name: str, scope: str, section: Config) -> Iterator[Choice]:
    """Every image of one framework in one scope; a version alias counts as an image, its tag differs."""
    for version, version_meant in _with_aliases(section["versions"], section.get("version_aliases", {})):
        for base, base_meant, of_base in _bases(name, section["versions"][version_meant]):
            for py_version, entry in _py_versions(name, of_base):
                for processor in section.get("processors") or entry.get("processors") or [None]:
                    yield Choice(
                        name=name,
                        scope=scope,
                        version=version,
                        version_meant=version_meant,
                        base=base,
                        base_meant=base_meant,
                        py_version=py_version,
                        processor=processor,
                        entry=entry,
                    )


def _with_aliases(keys: Config, aliases: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield from ((key, key) for key in keys)
    # Some files list a version as its own alias.
    yield from ((alias, key) for alias, key in aliases.items() if alias not in keys)


def _bases(name: str, of_version: Config) -> Iterator[tuple[str | None, str | None, Config]]:
    """Hugging Face images are divided once more, by the framework they are built on."""
    if name not in _HUGGING_FACE:
        yield None, None, of_version
        return
    bases = {key: entry for key, entry in of_version.items() if key != "version_aliases"}
    for base, base_meant in _with_aliases(bases, of_version.get("version_aliases", {})):
        yield base, base_meant, bases[base_meant]


def _py_versions(name: str, entry: Config) -> Iterator[tuple[str | None, Config]]:
    """Python versions are a list beside the repository, or keys with a repository each."""
    if "repository" not in entry:
        yield from entry.items()
        return
    listed: list[str | None] = list(entry.get("py_versions") or [None])
    # Spark's images are also published without the Python version in their tag, which is the SDK's default.
    if name == "spark":
        listed.insert(0, None)
    yield from ((py_version, entry) for py_version in listed)


def tag(image: Choice) -> str | None:
    """The image's tag; None where AWS's URI has none."""
    if image.scope == "inference_graviton" and (fixed := _ARM64_TAGS.get((image.name, image.version))):
        return fixed
    parts = (_tag_prefix(image), _processor_in_tag(image), image.py_version, _container_version(image))
    return "-".join(part for part in parts if part) or None


def _tag_prefix(image: Choice) -> str:
    if image.base is None or image.base_meant is None:
        return str(image.entry.get("tag_prefix", image.version))
    # Neuron images are only tagged with full versions; the others are with aliases too, of the base alone.
    base = image.base if image.name == "huggingface" else image.base_meant
    matched = _BASE_FRAMEWORK.fullmatch(base)
    if matched is None:
        raise ValueError(f"{image.name} {image.version}: {base!r} is not a base framework")
    return f"{matched['version']}-transformers{image.version_meant}"


def _processor_in_tag(image: Choice) -> str | None:
    if not image.entry.get("processor_in_tag", True):
        return None
    if image.name in _HUGGING_FACE and image.name != "huggingface":
        return image.name.removeprefix("huggingface-")
    if image.name == "sagemaker-tritonserver" and image.processor == "gpu":
        return None
    return image.processor


def _container_version(image: Choice) -> str | None:
    by_processor = image.entry.get("container_version")
    if not by_processor:
        return None
    version = str(by_processor[image.processor])
    repository = image.entry["repository"]
    if repository in _WITH_NEURON_SDK:
        # as text, as the SDK does it: sdk2.9 counts as newer than sdk2.10
        version = f"{max(image.entry['sdk_versions'])}-{version}"
    if repository in (f"{image.name}-inference-graviton", f"{image.name}-inference-arm64"):
        version += "-sagemaker"
    return version


def row(image: Choice) -> Row:
    """`image` as the table has it."""
    return (
        image.version,
        image.base,
        image.py_version,
        image.processor,
        registry_key(image.entry["registries"]),
        image.entry["repository"],
        tag(image),
    )


def registry_key(accounts: dict[str, str]) -> str:
    """A short name for a map of accounts, made of its content: a number would move with every insertion."""
    return hashlib.sha256(json.dumps(accounts, sort_keys=True).encode()).hexdigest()[:6]


def regions_by_account(accounts: dict[str, str]) -> dict[str, str]:
    """The map turned round: most images come from few accounts."""
    regions = defaultdict(list)
    for region, account in sorted(accounts.items()):
        regions[account].append(region)
    return {account: " ".join(regions[account]) for account in sorted(regions)}


def kinds(name: str, config: Config) -> list[str]:
    """What it is to a user: an algorithm of AWS, a framework to bring code or a model to, both, neither."""
    if name in _ALGORITHM_AND_FRAMEWORK:
        return ["algorithm", "framework"]
    # One image that both trains and serves, on any processor, is what sets the algorithms apart.
    trains_and_serves = set(config.get("scope", ())) == {"inference", "training"}
    if name in _COMPILED_ALGORITHMS or (trains_and_serves and "processors" not in config):
        return ["algorithm"]
    return ["framework"] if any(_section(config, scope) for scope in _HOSTING_SCOPES) else []


def natural(text: str | None) -> list[tuple[int, str]]:
    """Sort key by which 2.9 comes before 2.10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text or "")]


def _sort_key(row: Row) -> list[list[tuple[int, str]]]:
    return [natural(field) for field in row[:4]]


def render(configs: dict[str, Config], source: str) -> str:
    """The table as JSON: a line per image and per registry, sorted, so that an update is read as a diff."""
    registries: dict[str, dict[str, str]] = {}
    by_name: dict[str, list[str]] = defaultdict(list)
    for name, scope, section in sections(configs):
        images = list(choices(name, scope, section))
        registries |= {registry_key(image.entry["registries"]): image.entry["registries"] for image in images}
        by_name[name].append(_render_scope(scope, section, sorted(map(row, images), key=_sort_key)))
    names = [
        f'{json.dumps(name)}: {{"kinds": {json.dumps(kinds(name, configs[name]))}, "scopes": {{\n'
        + ",\n".join(scopes)
        + "}}"
        for name, scopes in sorted(by_name.items())
    ]
    listed = [f'"{key}": {_compact(regions_by_account(registries[key]))}' for key in sorted(registries)]
    return (
        f'{{"source": {json.dumps(source)},\n"registries": {{\n'
        + ",\n".join(listed)
        + '},\n"names": {\n'
        + ",\n".join(names)
        + "}}\n"
    )


def _render_scope(scope: str, section: Config, rows: list[Row]) -> str:
    aliases = dict(sorted(section.get("version_aliases", {}).items(), key=lambda item: natural(item[0])))
    images = ",\n".join(map(_compact, rows))
    return f'"{scope}": {{"aliases": {_compact(aliases)}, "images": [\n{images}]}}'


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def main() -> None:
    """Print the table of the installed SDK."""
    source = f"{_PACKAGE} {metadata.version(_PACKAGE)}"
    print(render(load(installed_files()), source), end="")


if __name__ == "__main__":
    main()
