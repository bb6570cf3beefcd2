"""Container images: a built-in algorithm, a framework that runs your script, or a container of your own."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import constructs
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets

from ..core.checks import file, kind, known, text
from ..core.limits import ECR_URI, ECR_URI_ALLOWED
from ..core.place import construct_path, environment_of, stack_of
from ..core.roles import Permissions, allow_pull
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken, Rules, listed
from ..core.tokens import is_token
from .image_table import PublishedImage, UnknownImage, find_image, is_built_in, is_framework, names
from .region_mapping import account_for_region

PUBLISHED = listed(
    id="SM-IMAGE-001",
    summary="AWS publishes the framework or algorithm, in the version, for the processor, in the region.",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html",
)
MUTABLE_TAG = Advice(
    "SM-IMAGE-101",
    "Your own image is pinned by a digest or a tag that is not moved.",
    DEVELOPER_GUIDE + "your-algorithms-inference-code.html",
)

_ACCELERATED = re.compile(r"gpu|neuron|\bcu(?:da\b|\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundImage:
    """An image as a container definition carries it."""

    uri: str
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the image needs to know by default; the container's own environment outranks it."""


class ContainerImage(ABC):
    """The image a container runs."""

    @staticmethod
    def built_in(name: str, *, version: str | None = None, processor: str | None = None) -> ContainerImage:
        """An algorithm of AWS, for example ``built_in("xgboost", version="1.7-1")``.

        :param version: needed where AWS publishes several.
        :param processor: ``cpu`` or ``gpu``, where both are published; default ``cpu``.
        :raises ConstraintError: SM-IMAGE-001, with what exists.
        """
        wanted = _Wanted(name=name, version=version, processor=processor)
        published = wanted.find("ContainerImage.built_in", is_built_in)
        return _PublishedImage(image=published, environment={})

    @staticmethod
    def framework(
        name: str,
        *,
        version: str,
        entry_point: str = "inference.py",
        processor: str | None = None,
        py_version: str | None = None,
        base_framework: str | None = None,
    ) -> ContainerImage:
        """A framework's image that runs your script, for example ``framework("sklearn", version="1.2-1")``.

        The script (with any of ``model_fn``, ``input_fn``, ``predict_fn``, ``output_fn``) travels in the
        model archive: ``ModelData.from_asset("model/", code="inference/")``.

        :param entry_point: file name of the script, within ``code/``.
        :param processor: ``cpu``, ``gpu``, ``neuronx``… where several are published; default ``cpu``.
        :param py_version: for example ``py310``, where several are published.
        :param base_framework: Hugging Face only, for example ``pytorch2.1.0``.
        :raises ConstraintError: SM-IMAGE-001, with what exists.
        """
        wanted = _Wanted(
            name=name,
            version=version,
            processor=processor,
            py_version=py_version,
            base_framework=base_framework,
            entry_point=entry_point,
        )
        published = wanted.find("ContainerImage.framework", is_framework)
        return _PublishedImage(image=published, environment=_script_mode(entry_point))

    @staticmethod
    def from_repository(repository: ecr.IRepository, *, tag_or_digest: str = "latest") -> ContainerImage:
        """Your own image in ECR, of this account or (with a repository policy) another one.

        :param tag_or_digest: ``sha256:…`` is safest. With ``latest`` SM-IMAGE-101 warns: a pushed image
            redeploys nothing, and a scale-out later runs other code than its neighbours.
        """
        return _RepositoryImage(repository=repository, tag_or_digest=tag_or_digest)

    @staticmethod
    def from_asset(directory: str, *, file: str | None = None) -> ContainerImage:
        """Build the Dockerfile in `directory` and push it with the stack (needs Docker where you deploy)."""
        return _AssetImage(directory=directory, file=file)

    @staticmethod
    def from_uri(uri: str) -> ContainerImage:
        """An image by its ECR URI ``account.dkr.ecr.region.amazonaws.com/name:tag`` or ``…@sha256:…``.

        The model's role may pull from that repository, in whichever account it is; the repository's own
        policy must allow it too.

        :raises ConstraintError: SM-IMAGE-002.
        """
        return _UriImage(uri=uri)

    @property
    def is_published(self) -> bool:
        """Whether it is one of AWS's own: a framework or a built-in algorithm."""
        return False

    @property
    def is_triton(self) -> bool:
        """Whether it is AWS's NVIDIA Triton, which serves many models on GPUs as none of its others does."""
        return False

    @property
    def accelerated(self) -> bool:
        """Whether it is known to need GPUs or Neuron chips; of your own images that is not known."""
        return False

    @abstractmethod
    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundImage:
        """Make what is needed under `scope` and allow pulling."""


def _script_mode(entry_point: str) -> dict[str, str]:
    return {"SAGEMAKER_PROGRAM": entry_point, "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a user asks of AWS's images."""

    name: str
    version: str | None
    processor: str | None
    py_version: str | None = None
    base_framework: str | None = None
    entry_point: str = "inference.py"

    def find(self, path: str, among: Callable[[str], bool]) -> PublishedImage:
        """The image, where AWS publishes it and it is `among` those that `path` offers."""
        _wanted_rules.enforce(self, path=path)
        try:
            if not among(self.name):
                raise UnknownImage("name", self.name, filter(among, names()))
            return find_image(
                self.name,
                version=self.version,
                processor=self.processor,
                py_version=self.py_version,
                base_framework=self.base_framework,
            )
        except UnknownImage as unknown:
            raise PUBLISHED.error(path, _unpublished(unknown)) from unknown


def _unpublished(unknown: UnknownImage) -> Broken:
    allowed = ", ".join(unknown.allowed) if unknown.allowed else "none"
    return Broken(
        unknown.what,
        unknown.given,
        f"one of {allowed}",
        "or pass the image's URI: ContainerImage.from_uri(…)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _PublishedImage(ContainerImage):
    image: PublishedImage
    environment: Mapping[str, str]

    @property
    def is_published(self) -> bool:
        return True

    @property
    def is_triton(self) -> bool:
        return self.image.repository == "sagemaker-tritonserver"

    @property
    def accelerated(self) -> bool:
        # Of images that come for one processor only, the table knows it by the tag alone.
        processor = self.image.processor or ""
        return processor not in ("", "cpu") or _ACCELERATED.search(self.image.repository_and_tag) is not None

    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundImage:
        account = self._account(scope, id)
        arn = environment_of(scope).arn("ecr", f"repository/{self.image.repository}", account=account)
        allow_pull(permissions, arn)
        return BoundImage(uri=self._uri(scope, account), environment=self.environment)

    def _account(self, scope: constructs.Construct, id: str) -> str:
        region = environment_of(scope).region
        if is_token(region):
            return account_for_region(scope, self.image.accounts)
        if region not in self.image.accounts:
            unknown = UnknownImage("region", region, self.image.accounts)
            raise PUBLISHED.error(construct_path(scope, id), _unpublished(unknown))
        return self.image.accounts[region]

    def _uri(self, scope: constructs.Construct, account: str) -> str:
        region = environment_of(scope).region
        if not is_token(region):
            return self.image.uri(region)
        tag = f":{self.image.tag}" if self.image.tag else ""
        return f"{account}.dkr.ecr.{region}.{stack_of(scope).url_suffix}/{self.image.repository}{tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _RepositoryImage(ContainerImage):
    repository: ecr.IRepository
    tag_or_digest: str

    def __post_init__(self) -> None:
        _repository_rules.enforce(self, path="ContainerImage.from_repository")

    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundImage:
        if self.tag_or_digest == "latest":
            MUTABLE_TAG.warn(
                scope, "the tag 'latest' moves without a redeploy: give tag_or_digest='sha256:…'"
            )
        allow_pull(permissions, self.repository.repository_arn)
        return BoundImage(uri=self.repository.repository_uri_for_tag_or_digest(self.tag_or_digest))


@dataclass(frozen=True, slots=True, kw_only=True)
class _AssetImage(ContainerImage):
    directory: str
    file: str | None

    def __post_init__(self) -> None:
        _asset_rules.enforce(self, path="ContainerImage.from_asset")

    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundImage:
        # SageMaker's instances are x86 unless a Graviton type is chosen; the builder's laptop need not be.
        asset = ecr_assets.DockerImageAsset(
            scope,
            id,
            directory=str(Path(self.directory).resolve()),
            file=self.file,
            platform=ecr_assets.Platform.LINUX_AMD64,
        )
        allow_pull(permissions, asset.repository.repository_arn)
        return BoundImage(uri=asset.image_uri)


@dataclass(frozen=True, slots=True, kw_only=True)
class _UriImage(ContainerImage):
    uri: str

    def __post_init__(self) -> None:
        _uri_rules.enforce(self, path="ContainerImage.from_uri")

    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundImage:
        environment = environment_of(scope)
        match = None if is_token(self.uri) else ECR_URI.fullmatch(self.uri)
        if match is None:
            allow_pull(
                permissions,
                environment.arn("ecr", "repository/*"),
                wildcard="The image's URI, and so its repository, is known late.",
            )
            return BoundImage(uri=self.uri)
        if not is_token(environment.region) and match["region"] != environment.region:
            raise SAME_REGION.error(
                construct_path(scope, id),
                Broken("uri", self.uri, f"an image in the stack's region, {environment.region}"),
            )
        if match["pin"] in (None, ":latest"):
            MUTABLE_TAG.warn(
                scope, f"{self.uri} names no fixed image: end it with @sha256:… or a tag of its own"
            )
        repository = f"repository/{match['repository']}"
        allow_pull(
            permissions,
            environment.arn("ecr", repository, region=match["region"], account=match["account"]),
        )
        return BoundImage(uri=self.uri)


_wanted_rules = Rules[_Wanted]()
_repository_rules = Rules[_RepositoryImage]()
_asset_rules = Rules[_AssetImage]()
_uri_rules = Rules[_UriImage]()

SAME_REGION = listed(
    id="SM-IMAGE-003",
    summary="The image is in the region of the stack: SageMaker pulls from no other.",
    source=API_REFERENCE + "API_ContainerDefinition.html",
)


@_wanted_rules.rule("SM-IMAGE-006", source=DEVELOPER_GUIDE + "adapt-inference-container.html")
def entry_point_is_a_file_name(wanted: _Wanted) -> Iterator[Broken]:
    """The entry point is the name of a script within code/."""
    allowed = "the file name of a script within code/, such as inference.py"
    yield from text("entry_point", wanted.entry_point, _SCRIPT, allowed)


@_uri_rules.rule("SM-IMAGE-002", source=API_REFERENCE + "API_ContainerDefinition.html")
def ecr_uri(image: _UriImage) -> Iterator[Broken]:
    """A URI names an image in Amazon ECR."""
    if known(image.uri) and not (isinstance(image.uri, str) and ECR_URI.fullmatch(image.uri)):
        yield Broken(
            "uri",
            image.uri,
            ECR_URI_ALLOWED,
            "push the image to ECR, or let ContainerImage.from_asset(directory) do it",
        )


_SCRIPT = re.compile(r"[\w.-]+\.py")
_TAG = re.compile(r"sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@_repository_rules.rule("SM-IMAGE-004", source=API_REFERENCE + "API_ContainerDefinition.html")
def tag_or_digest(image: _RepositoryImage) -> Iterator[Broken]:
    """A tag or a digest names one image of a repository."""
    given = image.tag_or_digest
    yield from kind("tag_or_digest", given, str, optional=False)
    if known(given) and isinstance(given, str) and not _TAG.fullmatch(given):
        yield Broken("tag_or_digest", given, "a tag (without the colon) or sha256:<64 hex digits>")


@_asset_rules.rule("SM-IMAGE-005", source="https://docs.aws.amazon.com/cdk/v2/guide/build-containers.html")
def dockerfile_exists(image: _AssetImage) -> Iterator[Broken]:
    """The folder of an image asset holds its Dockerfile."""
    name = "Dockerfile" if image.file is None else image.file
    if not file(image.directory, name):
        yield Broken("directory", image.directory, f"a folder with a {name:.80}", f"looked in {Path.cwd()}")
