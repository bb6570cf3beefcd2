"""An issuer of tokens on this machine: OpenID Connect's documents, and keys that sign (RS256)."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_ID = "one"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8))


class Issuer:
    """Issues tokens, and tells its public key to whoever asks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, **claims: object) -> str:
        """A token for the audience ``fraud`` that may predict, for ten minutes, unless told otherwise."""
        now = int(time.time())
        told = {"iss": self.url, "aud": "fraud", "scope": "predict", "sub": "app", "exp": now + 600, **claims}
        head = {"alg": "RS256", "kid": _KEY_ID, "typ": "JWT"}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (head, told))
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"

    def document(self, path: str) -> dict[str, object] | None:
        """What lies at a path of the issuer's."""
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            public = self._key.public_key().public_numbers()
            key = {"kty": "RSA", "kid": _KEY_ID, "use": "sig", "alg": "RS256"}
            return {"keys": [{**key, "n": _number(public.n), "e": _number(public.e)}]}
        return None


@contextmanager
def an_issuer() -> Iterator[Issuer]:
    """An issuer that answers on a free port of this machine."""
    issuers: list[Issuer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = issuers[0].document(self.path)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found or {}).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuers.append(Issuer(f"http://127.0.0.1:{server.server_address[1]}"))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield issuers[0]
        finally:
            server.shutdown()
            thread.join()
