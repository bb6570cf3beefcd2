"""What the API answers when it refuses."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal, with the exception name that AWS gives it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


def invalid(message: str) -> ApiError:
    """The request breaks a rule."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """There is no such target, policy or action."""
    return ApiError("ObjectNotFoundException", message)
