"""Servers that speak the protocols of Google Cloud Storage and Azure: processes, for `make stores`.

The programs are fetched by `scripts.stores`; what is here starts them on free ports and makes buckets. Both are
emulators of the services, written by others: fake-gcs-server and Azurite.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import socket
import subprocess
import urllib.request
import uuid
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path

from trunkline.kernel.secrets import Secrets
from trunkline.testing.commands import wait_for
from trunkline.testing.proxy import FaultyProxy

_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has; both are in its manual."""


class _Process:
    """A server process on a free port of the loopback."""

    def __init__(self, command: Sequence[str], port: int, folder: Path) -> None:
        self.address = f"127.0.0.1:{port}"
        with (folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        wait_for(self._answers, f"an answer of {command[0]} (log: {folder / 'server.log'})", 60)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the server ended"
        host, _, port = self.address.partition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def stop(self) -> None:
        """Ends the server."""
        self._process.terminate()
        self._process.wait(30)


class GcsServer:
    """fake-gcs-server, behind a proxy that gives it the one call of the XML protocol which it lacks: the upload."""

    def __init__(self, program: Path, folder: Path) -> None:
        port = _free_port()
        command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
        self._process = _Process([*command, "-public-host", f"127.0.0.1:{port}"], port, folder)
        self._proxy = FaultyProxy(self._process.address, self._upload)
        self._proxy.headers = {"ETag": '"none"'}
        account = (
            f'{{"gcs_base_url": "{self._proxy.endpoint}", "disable_oauth": true, "client_email": "", '
            '"private_key": "", "private_key_id": ""}'
        )
        self.secrets = Secrets({"GOOGLE_SERVICE_ACCOUNT_KEY": account})

    def url(self, path: str = "store") -> str:
        """The address of a place in a new bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        _send("POST", f"http://{self._process.address}/storage/v1/b?project=x", f'{{"name": "{name}"}}'.encode())
        return f"gs://{name}/{path}?endpoint={self._proxy.endpoint}"

    def _upload(self, method: str, path: str, headers: dict[str, str]) -> tuple[str, str]:
        for name in [each for each in headers if each.lower() == "host"]:
            headers[name] = self._process.address  # by which the server chooses what a path means
        found = re.fullmatch(r"/([^/?]+)/([^?]+)", path)
        if method != "PUT" or found is None:
            return method, path
        condition = next((headers[name] for name in headers if name.lower() == "x-goog-if-generation-match"), None)
        more = "" if condition is None else f"&ifGenerationMatch={condition}"
        return "POST", f"/upload/storage/v1/b/{found[1]}/o?uploadType=media&name={found[2]}{more}"

    def stop(self) -> None:
        """Ends the server."""
        self._proxy.stop()
        self._process.stop()


class AzureServer:
    """Azurite's blob service."""

    def __init__(self, program: Path, folder: Path) -> None:
        port = _free_port()
        command = [str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent", "--disableTelemetry"]
        self._process = _Process([*command, "--inMemoryPersistence", "--skipApiVersionCheck"], port, folder)
        self.secrets = Secrets({"AZURE_STORAGE_ACCOUNT": _ACCOUNT, "AZURE_STORAGE_KEY": _KEY})

    def url(self, path: str = "store") -> str:
        """The address of a place in a new container."""
        name = f"container-{uuid.uuid4().hex[:12]}"
        date, version = formatdate(usegmt=True), "2021-12-02"
        signed = f"x-ms-date:{date}\nx-ms-version:{version}\n/{_ACCOUNT}/{_ACCOUNT}/{name}\nrestype:container"
        digest = hmac.new(base64.b64decode(_KEY), ("PUT" + "\n" * 12 + signed).encode(), hashlib.sha256).digest()
        headers = {
            "x-ms-date": date,
            "x-ms-version": version,
            "Authorization": f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}",
        }
        endpoint = f"http://{self._process.address}/{_ACCOUNT}"
        _send("PUT", f"{endpoint}/{name}?restype=container", None, headers)
        return f"az://{name}/{path}?endpoint={endpoint}"

    def stop(self) -> None:
        """Ends the server."""
        self._process.stop()


def _send(method: str, url: str, body: bytes | None, headers: dict[str, str] | None = None) -> None:
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})  # noqa: S310 - loopback
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
