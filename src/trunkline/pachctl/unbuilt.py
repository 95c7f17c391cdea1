"""Every command that the original has, so that those which are not built here say so, and name what to use meanwhile.

Nothing is called unknown that a user of the original may rightly expect; unknown are only other words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from trunkline.kernel.errors import InvalidRequest, NotBuilt, TrunklineError
from trunkline.pachctl.registry import ENTRIES, PREFIXES, TOPICS

_OLD = """
    create-repo update-repo inspect-repo list-repo delete-repo start-commit finish-commit inspect-commit list-commit
    flush-commit subscribe-commit delete-commit create-branch list-branch set-branch delete-branch put-file copy-file
    get-file inspect-file list-file glob-file diff-file delete-file get-object get-tag mount unmount inspect-job
    list-job flush-job delete-job stop-job restart-datum list-datum inspect-datum get-logs create-pipeline
    update-pipeline inspect-pipeline extract-pipeline edit-pipeline list-pipeline delete-pipeline start-pipeline
    stop-pipeline version delete-all garbage-collect port-forward completion extract restore inspect-cluster deploy
    undeploy auth enterprise
"""
OLD_COMMANDS = frozenset(_OLD.split())
"""Every command of the grammar of 1.7, built or not."""

_SPACED = """
    create: project repo branch pipeline secret defaults
    update: project repo pipeline defaults
    inspect: project repo commit branch file pipeline job datum secret defaults transaction cluster
    list: project repo commit branch file pipeline job datum secret transaction task
    delete: project repo commit commitV2 branch file pipeline job secret defaults transaction all
    start: commit pipeline transaction
    finish: commit transaction
    stop: pipeline job transaction
    resume: transaction
    wait: commit job
    subscribe: commit
    squash: commit commitV2
    find: commit
    put: file
    copy: file
    get: file
    glob: file
    diff: file
    edit: pipeline metadata
    validate: pipeline
    rerun: pipeline
    draw: pipeline
    run: cron pfs-load-test pps-load-test
    check: status
    restart: datum
    next: datum
    config get: metrics active-context active-enterprise-context context
    config set: metrics active-context active-enterprise-context context
    config: import-kube
    config update: context
    config delete: context
    config list: context
    auth: activate deactivate login logout whoami get-robot-token revoke get-groups use-auth-token get-config
        set-config rotate-root-token roles-for-permission
    auth check: repo project
    auth set: repo project cluster enterprise
    auth get: repo project cluster enterprise
    enterprise: get-state deactivate register sync-contexts heartbeat pause unpause pause-status
    license: activate add-cluster update-cluster delete-cluster list-clusters delete-all get-state
    debug: profile binary dump template local analyze log-level trace
    misc: dns-lookup http-head dial grpc decode-proto generate-download-url decode-download-url test-migrations
    completion: bash zsh
"""
_ALONE = """
    logs logs2 kube-events loki connect version buildinfo exit shell port-forward fsck mount unmount idp
"""


def _spaced() -> Iterator[str]:
    """`create project` and so on; the nouns of a verb may go on in the next line."""
    verb = ""
    for line in _SPACED.strip().splitlines():
        head, colon, nouns = line.strip().rpartition(":")
        verb = head if colon else verb
        for noun in nouns.split():
            yield f"{verb} {noun}"
    yield from _ALONE.split()


SPACED_COMMANDS = frozenset(_spaced())
"""Every command of the grammar of 2.11, built or not."""

SUCCESSORS = {
    "port-forward": "start-pachd",
    "shell": "--help",
    "loki": "logs",
    "logs2": "logs",
}
"""What to use meanwhile."""


def refusal(words: Sequence[str]) -> TrunklineError:
    """What to say to a command line that begins with no command.

    Args:
        words: the command line after `pachctl`, never empty.
    """
    name = _unbuilt(words)
    if name is None:
        return _unknown(words)
    hint = SUCCESSORS.get(name)
    return NotBuilt(f"pachctl {name} is not built yet{f'; use: pachctl {hint}' if hint else ''}")


def _unbuilt(words: Sequence[str]) -> str | None:
    """The command of the original that is meant, if it has one of this name."""
    plain = [word for word in words if not word.startswith("-")]
    for count in range(min(3, len(plain)), 0, -1):
        name = " ".join(plain[:count])
        forms = (name, name.removesuffix("s"), name.removesuffix("es")) if count > 1 else (name,)
        if any(form in SPACED_COMMANDS or form in OLD_COMMANDS for form in forms):
            return name
    verbs = {name.partition(" ")[0] for name in SPACED_COMMANDS if " " in name}
    return words[0] if words[0] in verbs and words[0] not in PREFIXES else None


def _unknown(words: Sequence[str]) -> InvalidRequest:
    first = words[0]
    if first in PREFIXES:
        typed = " ".join(word for word in words[:2] if not word.startswith("-"))
        near = get_close_matches(typed, [name for name in ENTRIES if " " in name], n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"pachctl {first} --help lists what there is"
        return InvalidRequest(f'unknown command "{typed}" for pachctl: {hint}')
    names = [*ENTRIES, *PREFIXES, *(topic.noun for topic in TOPICS)]
    near = get_close_matches(first.replace("_", "-"), names, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "pachctl --help lists all commands"
    return InvalidRequest(f'unknown command "{first}" for pachctl: {hint}')
