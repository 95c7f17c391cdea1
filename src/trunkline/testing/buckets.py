"""A real S3 server inside the test process, and buckets in it.

The server is moto's, over HTTP; the product's own connection speaks to it, so what is tested is what runs.
"""

from __future__ import annotations

import logging
import uuid
from importlib import import_module
from typing import Any

from trunkline.kernel.secrets import Secrets


class S3Server:
    """One server, on a free port of the loopback; each test makes a bucket of its own."""

    secrets = Secrets({"AWS_ACCESS_KEY_ID": "trunkline-test", "AWS_SECRET_ACCESS_KEY": "no-secret-of-anybody"})

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.address = f"{host}:{port}"
        self.endpoint = f"http://{self.address}"
        self.client: Any = import_module("boto3").client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.secrets["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.secrets["AWS_SECRET_ACCESS_KEY"],
        )

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        return name

    def url(self, path: str = "store", **options: str) -> str:
        """The address of a place in a new bucket."""
        given = {"endpoint": self.endpoint, "region": "us-east-1"} | options
        return f"s3://{self.bucket()}/{path}?" + "&".join(f"{name}={value}" for name, value in given.items())

    def stop(self) -> None:
        """Ends the server."""
        self._server.stop()
