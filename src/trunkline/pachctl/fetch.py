"""Reads small files from the web: pipeline specifications and lists of sources."""

from __future__ import annotations

from trunkline.kernel.errors import InvalidRequest, NotBuilt, NotFound

LARGEST = 16 * 1024 * 1024
TIMEOUT_SECONDS = 30


def fetch(url: str) -> bytes:
    """The body behind an http or https URL.

    Raises:
        NotBuilt: another scheme.
        NotFound: nothing could be got, for the reason in the message.
        InvalidRequest: more than `LARGEST` bytes.
    """
    import http.client
    import urllib.error
    import urllib.request

    if url.split("://", 1)[0].lower() not in ("http", "https"):
        raise NotBuilt(f"{url}: only http and https can be read here")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
            body: bytes = answer.read(LARGEST + 1)
    except urllib.error.HTTPError as error:
        raise NotFound(f'error retrieving content from "{url}": {error.code} {error.reason}') from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise NotFound(f'error retrieving content from "{url}": {reason}') from None
    if len(body) > LARGEST:
        raise InvalidRequest(f"{url} is larger than {LARGEST // 1024 // 1024}MiB")
    return body
