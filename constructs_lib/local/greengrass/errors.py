"""What Greengrass V2 answers when it refuses."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal: AWS's name for it, its HTTP status and the members it has beside its message."""

    code = "InternalServerException"
    status = 500

    def __init__(self, message: str, **members: str) -> None:
        super().__init__(message)
        self.members: Mapping[str, str] = members


class InvalidError(ApiError):
    """The request breaks a rule."""

    code = "ValidationException"
    status = 400


class MissingError(ApiError):
    """There is no such resource."""

    code = "ResourceNotFoundException"
    status = 404

    def __init__(self, message: str, *, kind: str, name: str) -> None:
        super().__init__(message, resourceType=kind, resourceId=name)


class ConflictError(ApiError):
    """The resource is there already, or is not in a state for it."""

    code = "ConflictException"
    status = 409

    def __init__(self, message: str, *, kind: str, name: str) -> None:
        super().__init__(message, resourceType=kind, resourceId=name)


class DeniedError(ApiError):
    """IAM does not let the caller."""

    code = "AccessDeniedException"
    status = 403


class NotEmulatedError(InvalidError):
    """AWS can do it and this emulator cannot: refused, rather than accepted and ignored."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not emulated by constructs_lib.local (see docs/local.md)")
