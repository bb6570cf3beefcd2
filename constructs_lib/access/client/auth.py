"""Who asks an API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .errors import NotAuthorised

if TYPE_CHECKING:
    from boto3.session import Session


class ApiAuth(Protocol):
    """Says who asks."""

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """The headers that this request needs more; asked for at each attempt."""


class IamAuth:
    """Signs requests with AWS credentials (SigV4), for APIs with `ApiAuthorization.iam()`.

    The caller needs `execute-api:Invoke` on the routes: `api.grants.invoke(…)`.
    """

    def __init__(self, *, region: str | None = None, session: Session | None = None) -> None:
        """Sign with the credentials of `session` (default: boto3's own search), for `region` (default: its own).

        :raises ValueError: no region is known.
        """
        import boto3

        self._session = boto3.Session() if session is None else session
        found = self._session.region_name if region is None else region
        if found is None:
            raise ValueError("No region is configured: give IamAuth the one that the API is in.")
        self._region = found

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Authorization, date, and the token of temporary credentials.

        :raises NotAuthorised: there are no credentials.
        """
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        try:
            credentials = self._session.get_credentials()
            if credentials is None:
                raise NotAuthorised("There are no AWS credentials to sign with.")
            request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
            SigV4Auth(credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(request)
        except BotoCoreError as error:
            raise NotAuthorised(f"There are no AWS credentials to sign with: {error}") from error
        return {name: value for name, value in request.headers.items() if name not in headers}


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """Sends a token, for APIs with `ApiAuthorization.jwt(…)`."""

    token: Callable[[], str]
    """Called at each attempt, from any thread: keep the token, and renew it before it expires, in there."""

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Authorization."""
        return {"Authorization": f"Bearer {self.token()}"}
