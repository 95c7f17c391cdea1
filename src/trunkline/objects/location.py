"""Addresses of object stores: which service, which bucket, which place in it, and a few options.

    s3://bucket/path        gs://bucket/path (gcs)      az://container/path (azblob)
    wasb://container@account/path (wasbs, abfs, abfss; the account with or without its domain)

Invariant: an address never carries credentials; one that tries to is refused without being repeated. Nothing
is contacted here.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from trunkline.kernel.errors import InvalidRequest

Service = Literal["s3", "gs", "az"]

SERVICES: dict[str, Service] = {
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "azblob": "az",
    "wasb": "az",
    "wasbs": "az",
    "abfs": "az",
    "abfss": "az",
}
"""By the scheme of an address."""

OPTIONS = frozenset({"endpoint", "region", "account", "timeout", "conditional"})

_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{1,221}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,40}")


class Location(NamedTuple):
    """One place in one object store.

    Attributes:
        service: whose protocol is spoken.
        bucket: the bucket or container.
        path: what comes before each key; without slashes at its ends, empty for the whole bucket.
        options: `endpoint`, `region`, `account`, `timeout` (seconds), `conditional` (`true` or `false`).
    """

    service: Service
    bucket: str
    path: str
    options: dict[str, str]

    def __str__(self) -> str:
        """The address, as messages name it: without options."""
        return f"{self.service}://{self.bucket}" + (f"/{self.path}" if self.path else "")


def parse(url: str) -> Location:
    """What an address says.

    Raises:
        InvalidRequest: it is none, or has options that nobody knows.
    """
    try:
        parts = urlsplit(url)
        service = SERVICES[parts.scheme.lower()]
        bucket, account = _bucket(parts.netloc)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except KeyError:
        raise InvalidRequest(f"unrecognized object store: {url.partition(':')[0]}") from None
    except ValueError:
        raise InvalidRequest("the address of an object store cannot be read: give s3://bucket/path") from None
    if account:
        options["account"] = account
    for name in options.keys() - OPTIONS:
        raise InvalidRequest(
            f"{parts.scheme}://{bucket} has the option {name[:40]!r}: options are {', '.join(sorted(OPTIONS))}, and "
            "credentials belong in the environment of pachd"
        )
    # Both become part of the name of the host that is asked, so they must not lead to another one.
    for name, form in (("region", _REGION), ("account", _ACCOUNT)):
        if name in options and not form.fullmatch(options[name]):
            raise InvalidRequest(f"{service}://{bucket} has a {name} that cannot be: give letters and digits")
    path = unquote(parts.path).strip("/")
    if any(segment in ("", ".", "..") for segment in path.split("/")) and path:
        raise InvalidRequest(f"{service}://{bucket} has a path with an empty part, '.' or '..': leave these out")
    return Location(service, bucket, path, options)


def _bucket(netloc: str) -> tuple[str, str]:
    """Bucket and account of `bucket` or `container@account.domain`."""
    bucket, at, host = netloc.partition("@")
    account = host.partition(".")[0]
    if not _BUCKET.fullmatch(bucket) or (at and not _ACCOUNT.fullmatch(account)):
        raise ValueError("no bucket")
    return bucket, account
