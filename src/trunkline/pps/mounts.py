"""The rules of `transform.secrets`: which secret, and where user code finds it.

Invariant: a mount that is let through can be made on every machine, and hides nothing that user code cannot do without.
"""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.pps.spec import SecretMount

_TAKEN = ("/pfs", "/proc", "/sys", "/dev")


def check(mounts: Sequence[SecretMount]) -> None:
    """Refuses secrets that cannot reach user code as the spec says.

    Raises:
        InvalidRequest, Refused: the message names the secret, the field and the rule.
    """
    folders: list[str] = []
    for mount in mounts:
        if not mount.name:
            raise InvalidRequest("transform.secrets has a secret without a name: give the name of one")
        if mount.env_var and not mount.key:
            raise Refused(f"secret {mount.name} has env_var set but is missing key")
        if not mount.env_var and not mount.mount_path:
            raise InvalidRequest(f"secret {mount.name} has neither env_var nor mount_path: user code would not see it")
        if "=" in mount.env_var or "\0" in mount.env_var:
            raise InvalidRequest(f'secret {mount.name} has the env_var {mount.env_var!r}: a name has no "="')
        if mount.mount_path:
            folders.append(_folder(mount, folders))


def _folder(mount: SecretMount, others: Sequence[str]) -> str:
    path = mount.mount_path.rstrip("/")
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]) or "\0" in path:
        raise InvalidRequest(
            f"secret {mount.name} has the mount_path {mount.mount_path!r}: give an absolute path of a folder, "
            "such as /creds"
        )
    for taken in _TAKEN:
        if _overlap(path, taken):
            raise InvalidRequest(f"secret {mount.name} cannot be mounted at {path}: {taken} is not for that")
    for other in others:
        if _overlap(path, other):
            raise InvalidRequest(f"secrets are mounted at {other} and at {path}: give each a folder of its own")
    return path


def _overlap(path: str, other: str) -> bool:
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")
