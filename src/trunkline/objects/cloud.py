"""A connection to a bucket: the one place that knows how `obstore` is set up.

Credentials come as the variables that every tool of that service reads (`AWS_ACCESS_KEY_ID`,
`GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_KEY`, …). Invariant: they go into the connection and
nowhere else. `obstore` is an optional part of the installation; it is imported when the first bucket is opened.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

from trunkline.kernel.errors import InvalidRequest, NotBuilt
from trunkline.kernel.secrets import Secrets
from trunkline.objects.location import Location
from trunkline.objects.variables import relevant

TIMEOUT = 60.0
"""Seconds that one request may take as a whole."""

CONNECT_TIMEOUT = 5.0

_PREFIXES = {"s3": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}
_ENDPOINTS = {"s3": "AWS_ENDPOINT", "gs": "GOOGLE_BASE_URL", "az": "AZURE_STORAGE_ENDPOINT"}
_CLASSES = {"s3": "S3Store", "gs": "GCSStore", "az": "AzureStore"}


def connect(location: Location, variables: Secrets, *, tries: int = 1) -> Any:
    """An `obstore` store for the bucket; nothing is contacted yet.

    Args:
        variables: credentials and settings of the service, by the names of their environment variables.
        tries: how often the library itself tries a request; long downloads are also taken up again where
            they broke off.

    Raises:
        NotBuilt: `obstore` is not installed; the message names the extra that brings it.
        InvalidRequest: an option or variable that the library refuses.
    """
    library = _library()
    config = _config(location, variables)
    endpoint = config.get(_ENDPOINTS[location.service], "")
    client = {
        "allow_http": endpoint.startswith("http://") or config.get("AZURE_STORAGE_USE_EMULATOR", "") == "true",
        "timeout": timedelta(seconds=_seconds(location)),
        "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT),
    }
    retries = {"max_retries": tries - 1, "retry_timeout": timedelta(seconds=_seconds(location))}
    try:
        return getattr(library, _CLASSES[location.service])(
            location.bucket,
            prefix=location.path or None,
            config=config,
            client_options=client,
            retry_config=retries,
        )
    except Exception as error:
        reason = variables.scrub(str(error).partition("\n")[0])
        raise InvalidRequest(f"{location} cannot be opened: {reason}; check the {_hint(location)} variables") from None


def _library() -> Any:
    try:
        return import_module("obstore.store")
    except ImportError:
        raise NotBuilt(
            "object stores in the cloud need the package obstore: install trunkline with the extra cloud "
            "(pip install 'trunkline[cloud]')"
        ) from None


def _config(location: Location, variables: Secrets) -> dict[str, str]:
    config = relevant(location.service, variables)
    if "endpoint" in location.options:
        config[_ENDPOINTS[location.service]] = location.options["endpoint"]
    if "region" in location.options:
        config["AWS_REGION"] = location.options["region"]
    if "account" in location.options:
        config["AZURE_STORAGE_ACCOUNT_NAME"] = location.options["account"]
    return config


def _seconds(location: Location) -> float:
    try:
        seconds = float(location.options.get("timeout", TIMEOUT))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise InvalidRequest(f"{location} has a timeout that is no number of seconds from 1 to 3600")
    return seconds


def _hint(location: Location) -> str:
    return _PREFIXES[location.service] + "…"
