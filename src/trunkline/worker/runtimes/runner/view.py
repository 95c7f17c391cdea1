"""What user code sees of the file system: the machine, the environment over it, `/pfs`, and no home.

Built once for a sandbox, in a private mount namespace, on a new root that is then made the only one.
Invariants: the machine's files are never written to, what the masks name cannot be reached, and either the
whole view stands or `Refused` says which step the kernel forbade.
"""

# pathlib alone would double the time that the runner takes to start:
# ruff: noqa: PTH102, PTH103, PTH112, PTH123, PTH208, PTH211

from __future__ import annotations

import os

from trunkline.worker.runtimes.runner import linux
from trunkline.worker.runtimes.runner.layers import SPECIAL, Layers, copy_entry

_TMPFS = linux.MS_NOSUID | linux.MS_NODEV
_ROOT_OPTIONS = "mode=755,size=256m"
_MASK_OPTIONS = "mode=755,size=1m"


class Refused(Exception):
    """The kernel, or the machine's set-up, does not allow the view; the message names the step."""


class View:
    """What a view is made of; all paths are real paths of the machine.

    Attributes:
        staging: the folder that is `/pfs`.
        environment: the folder laid over the root, or empty.
        work: an empty folder in which the new root is put together.
        masks: folders that user code must not see.
    """

    def __init__(self, staging: str, environment: str, work: str, masks: list[str]) -> None:
        self.staging = staging
        self.environment = environment if environment != "/" else ""
        self.work = work
        self.masks = masks
        self.new = f"{work}/root"
        self.base = f"{work}/environment"

    def build(self) -> None:
        """Builds the view and makes it the root of this process. Raises Refused."""
        try:
            step = "make the mounts private"
            linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)
            step = "mount a new root"
            self._root()
            step = "bring in the machine's folders"
            layers = self._layers()
            self._machine(layers)
            step = "mount /proc"
            self._proc()
            step = f"lay the environment {self.environment} over the root"
            if layers is not None:
                layers.lay()
            step = "mount /pfs"
            self._pfs()
            step = "hide the home"
            self._mask()
            step = "change the root"
            self._enter()
        except OSError as error:
            raise Refused(f"cannot {step}: {error.strerror}") from None

    def _root(self) -> None:
        os.makedirs(self.new, exist_ok=True)
        os.makedirs(self.base, exist_ok=True)
        linux.mount("tmpfs", self.new, "tmpfs", _TMPFS, _ROOT_OPTIONS)
        # Or else it would come along when the machine's folders are bound, and the next one twice.
        linux.mount("", self.new, "", linux.MS_UNBINDABLE)

    def _layers(self) -> Layers | None:
        if not self.environment:
            return None
        linux.bind(self.environment, self.base)
        linux.make_read_only(self.base)
        linux.mount("", self.base, "", linux.MS_PRIVATE)
        return Layers(self.new, self.base, _mount_points())

    def _machine(self, layers: Layers | None) -> None:
        brought = layers.names() if layers is not None else set()
        for name in os.listdir("/"):
            if name in ("pfs", "proc"):
                continue
            if name in brought and layers is not None and layers.replaces(name):
                continue
            try:
                copy_entry("/" + name, f"{self.new}/{name}")
            except OSError:
                # A folder that cannot be bound (another user's FUSE mount, say) is left out, empty.
                if name in SPECIAL or name in ("usr", "bin", "lib", "etc"):
                    raise

    def _proc(self) -> None:
        target = f"{self.new}/proc"
        os.mkdir(target)
        flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
        try:
            linux.mount("proc", target, "proc", flags)
        except OSError:
            # Inside some containers a new /proc is refused; the old one shows more processes, and serves.
            linux.bind("/proc", target)

    def _pfs(self) -> None:
        target = f"{self.new}/pfs"
        os.mkdir(target)
        linux.bind(self.staging, target)
        if not os.path.lexists(f"{self.new}/pachctl"):
            # Where clients of the original look for their configuration, in code that may write by itself.
            os.symlink("/pfs/.pachctl", f"{self.new}/pachctl")

    def _mask(self) -> None:
        for mask in self._places():
            target = self.new + mask
            if not os.path.isdir(target):
                continue
            linux.mount("tmpfs", target, "tmpfs", _TMPFS, _MASK_OPTIONS)
            if self.environment.startswith(mask + "/"):
                # Its files may name each other by their full paths.
                own = self.new + self.environment
                os.makedirs(own)
                linux.bind(self.base, own)
            linux.make_read_only(target)

    def _places(self) -> list[str]:
        """The masks, outermost first, and where the environment would show them once more."""
        masks = sorted(self.masks)
        outer = [each for each in masks if not any(each.startswith(other + "/") for other in masks)]
        inside = self.environment + "/"
        again = [each[len(self.environment) :] for each in outer if self.environment and each.startswith(inside)]
        return outer + again

    def _enter(self) -> None:
        os.chdir(self.new)
        try:
            linux.pivot_root(".", ".")
        except OSError:
            # A machine whose root is the first RAM disk cannot pivot: the new root is laid over the old one.
            linux.mount(".", "/", "", linux.MS_MOVE)
            os.chroot(".")
        else:
            linux.detach(".")
        os.chdir("/")


def _mount_points() -> list[str]:
    """Where something is mounted on the machine, outermost first."""
    with open("/proc/self/mountinfo", "rb") as file:
        lines = file.read().splitlines()
    points = {_unescaped(line.split(b" ")[4]) for line in lines}
    return sorted(os.fsdecode(each) for each in points)


def _unescaped(text: bytes) -> bytes:
    for octal, plain in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        text = text.replace(octal, plain)
    return text
