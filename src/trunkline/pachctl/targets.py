"""Where `put file` stores each source: the rules of 2.11, beside those of 1.7 in `sources`."""

from __future__ import annotations

import posixpath
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from trunkline.kernel.errors import InvalidRequest
from trunkline.pachctl.sources import STDIN, Naming, Source, is_url

_ARCHIVES = (".tar", ".tar.gz", ".tgz")


def naming(*, recursive: bool, full_path: bool) -> Naming:
    """The rule for targets: the base name of a source, or all of it with `full_path`.

    One source with a PATH goes exactly there, or below it if it ends with a slash and nothing is recursive;
    several go below it.
    """

    def target(origin: str, path: str | None, several: bool) -> str:
        if origin == STDIN:
            if not path or path.endswith("/"):
                raise InvalidRequest("must specify filename when reading data from stdin")
            return path
        own = _own(origin, full_path)
        if not path:
            return own or "/"
        if several or (full_path and recursive) or (path.endswith("/") and not recursive):
            return posixpath.join(path, own.lstrip("/"))
        return path

    return target


def is_archive(origin: str) -> bool:
    """Whether `--untar` unpacks it."""
    return origin.endswith(_ARCHIVES) and not is_url(origin)


def unpacked(origins: Iterable[str], folder: Path) -> Iterator[Source]:
    """The files of archives, each under its own name at the root.

    Args:
        origins: archives on this machine.
        folder: where they are unpacked until they are sent.

    Raises:
        InvalidRequest: one that cannot be read, or would write outside of the folder.
    """
    for number, origin in enumerate(origins):
        place = folder / str(number)
        place.mkdir()
        try:
            with tarfile.open(origin) as archive:
                _unpack(archive, place)
        except FileNotFoundError:
            raise InvalidRequest(f"{origin} doesn't exist") from None
        except (OSError, KeyError, tarfile.TarError, EOFError) as error:
            raise InvalidRequest(f"{origin} cannot be unpacked: {error}") from None
        for path in sorted(place.rglob("*")):
            if path.is_file():
                yield Source(str(path), f"/{path.relative_to(place).as_posix()}")


def _unpack(archive: tarfile.TarFile, place: Path) -> None:
    """Writes what is in an archive below a folder; links are taken as what they lead to in the archive, never outside.

    Written out here because `extractall` has its filters only since Python 3.11.4.
    """
    for member in archive:
        if not (member.isfile() or member.islnk() or member.issym()):
            continue
        target = place / posixpath.normpath(member.name).lstrip("/")
        if ".." in target.relative_to(place).parts:
            raise tarfile.ReadError(f"{member.name!r} would be outside of the folder")
        content = archive.extractfile(member)
        if content is not None:  # a link to a directory has none
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file)


def _own(origin: str, full_path: bool) -> str:
    """A source as a path; the name alone unless `full_path`."""
    if is_url(origin):
        own = urlsplit(origin).path
    else:
        own = posixpath.normpath(origin)
        if own == ".." or own.startswith("../") or own.endswith("/.."):
            own = str(Path(origin).resolve())
    name = own if full_path else posixpath.basename(own.rstrip("/"))
    return "" if name == "." else name
