"""The components of AWS that a recipe may depend on. Devices have them with their nucleus: they do nothing here."""

from __future__ import annotations

from collections.abc import Iterator

from ..emulator import Scope
from .recipes import FORMAT_VERSION, Recipe
from .state import NAMESPACE, ComponentVersion

#: A version of each, as it may stand in a deployment.
VERSIONS = {"aws.greengrass.Nucleus": "2.14.3", "aws.greengrass.TokenExchangeService": "2.0.3"}
_CREATED = 1_606_780_800.0  # 1 December 2020, when Greengrass V2 came


def components() -> Iterator[ComponentVersion]:
    """AWS's components, in this region."""
    for name, version in VERSIONS.items():
        document = {
            "RecipeFormatVersion": FORMAT_VERSION,
            "ComponentName": name,
            "ComponentVersion": version,
            "ComponentPublisher": "AWS",
            "Manifests": [{"Platform": {"os": "*"}}],
        }
        arn = f"arn:aws:{NAMESPACE}:{Scope.current().region}:aws:components:{name}:versions:{version}"
        yield ComponentVersion(recipe=Recipe(document), arn=arn, state="DEPLOYABLE", created=_CREATED)
