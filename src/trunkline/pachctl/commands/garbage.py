"""garbage-collect: frees what nothing needs any more, tells what it would free, and why the rest is kept."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

import click

from trunkline.kernel.units import size
from trunkline.pachctl import raw as json
from trunkline.pachctl import refs, table
from trunkline.pachctl.app import App
from trunkline.pachctl.grammar import raw_flag, verb
from trunkline.wire import upkeep_pb2 as wire

_DIGEST = re.compile(r"(?:(?:chunks|nodes)/[0-9a-f]{2}/)?([0-9a-fA-F]{64})")


@verb(example="pachctl garbage-collect --dry-run")
@click.option("--dry-run", is_flag=True, help="Delete nothing; only tell what would be freed.")
@click.option("--why", is_flag=True, help="Collect nothing; tell why the data that is there is kept.")
@click.option(
    "--of",
    metavar="NAME",
    help="With --why: what a repo (NAME) or a commit (REPO@COMMIT) keeps, or who keeps a chunk (its id).",
)
@raw_flag
def garbage_collect(app: App, dry_run: bool, why: bool, of: str | None, raw: bool) -> None:
    """Free the storage of data that nothing refers to.

    Data that was deleted with its repo, commit or pipeline lies in the store until it is collected. Reading and
    writing go on meanwhile. What a file set, an open commit or a remembered outcome of a datum needs is kept.
    """
    if why or of:
        _explain(app, of, raw=raw)
        return
    for answer in app.server.upkeep.CollectGarbage(wire.CollectGarbageRequest(dry_run=dry_run)):
        if answer.HasField("progress"):
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{answer.progress.step}: {answer.progress.done}\033[K")
                sys.stderr.flush()
            continue
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        if raw:
            json.show([answer.summary])
        else:
            _show_summary(answer.summary)


def _explain(app: App, of: str | None, *, raw: bool) -> None:
    answer = app.server.upkeep.ExplainStorage(_request(of))
    if raw:
        json.show([answer])
        return
    if of and _DIGEST.fullmatch(of):
        if not answer.keeper_count:
            print("nothing keeps it: the next garbage-collect frees it, if it is there")
        for name in answer.keepers:
            print(name)
        if answer.keeper_count > len(answer.keepers):
            print(f"and {answer.keeper_count - len(answer.keepers)} more")
        return
    table.show(
        ("KEPT FOR", "ROOTS", "OBJECTS", "SIZE", "ONLY FOR THIS"),
        (
            (
                share.reason,
                str(share.roots),
                str(share.kept.objects),
                size(share.kept.bytes),
                size(share.only.bytes),
            )
            for share in answer.shares
        ),
    )


def _request(of: str | None) -> wire.ExplainStorageRequest:
    if not of:
        return wire.ExplainStorageRequest()
    digest = _DIGEST.fullmatch(of)
    if digest is not None:
        return wire.ExplainStorageRequest(digest=digest[1])
    repo, at, commit = of.partition("@")
    if at:
        return wire.ExplainStorageRequest(commit=refs.commit(repo, commit))
    return wire.ExplainStorageRequest(repo=refs.repo(repo))


def _show_summary(summary: wire.CollectGarbageSummary) -> None:
    header = ("OBJECTS", "FOUND", "REACHABLE", "IN USE", "WOULD BE FREED" if summary.dry_run else "FREED")
    table.show(header, ([one.kind, *_cells(one)] for one in summary.kinds))
    if summary.foreign.objects:
        print(f"left alone: {summary.foreign.objects} objects that are not ours")
    for note in summary.notes:
        print(note)
    garbage = _total(one.garbage for one in summary.kinds)
    print(f"{'would free' if summary.dry_run else 'freed'} {size(garbage.bytes)} in {garbage.objects} objects")


def _cells(tally: wire.GarbageTally) -> list[str]:
    used = _total((tally.pinned, tally.young))
    return [f"{one.objects} ({size(one.bytes)})" for one in (tally.seen, tally.reachable, used, tally.garbage)]


def _total(amounts: Iterable[wire.StoredAmount]) -> wire.StoredAmount:
    held = list(amounts)
    return wire.StoredAmount(objects=sum(one.objects for one in held), bytes=sum(one.bytes for one in held))
