"""Every command: its name, the module that holds it, one line of help; and the topics that group them.

`pachctl --help` is printed from this table alone, so that it loads no command and no protobuf. A test keeps
the lines equal to the first lines of the commands' own help.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One command, found as the attribute `name` (with underscores) of `trunkline.pachctl.commands.<module>`."""

    name: str
    module: str
    help: str


class Topic(NamedTuple):
    """A group of commands; `pachctl <noun>` prints what the noun means and the commands of the group."""

    noun: str
    title: str
    text: str
    entries: tuple[Entry, ...]


TOPICS = (
    Topic(
        "repo",
        "Repos",
        "A repo is a named collection of branches and commits: versioned files.",
        (
            Entry("create-repo", "repos", "Create a repo."),
            Entry("update-repo", "repos", "Change the description of a repo."),
            Entry("inspect-repo", "repos", "Show one repo."),
            Entry("list-repo", "repos", "List all repos, newest first."),
            Entry("delete-repo", "repos", "Delete a repo and everything in it."),
        ),
    ),
    Topic(
        "commit",
        "Commits and branches",
        "A commit is an unchangeable state of a repo; a branch is a name that points to a commit.",
        (
            Entry("start-commit", "commits", "Start a commit on a branch and print its id."),
            Entry("finish-commit", "commits", "Finish a commit, after which it cannot change."),
            Entry("inspect-commit", "commits", "Show one commit and everything it came from."),
            Entry("list-commit", "commits", "List the commits of a repo, newest first."),
            Entry("flush-commit", "waiting", "Wait for everything that commits caused, and list it."),
            Entry("subscribe-commit", "waiting", "Print the commits of a branch as they finish, until stopped."),
            Entry("delete-commit", "commits", "Delete a commit and everything it caused."),
            Entry("create-branch", "branches", "Create a branch, or change where it points."),
            Entry("set-branch", "branches", "Point a branch at a commit."),
            Entry("list-branch", "branches", "List the branches of a repo."),
            Entry("delete-branch", "branches", "Delete a branch; its commits stay."),
        ),
    ),
    Topic(
        "file",
        "Files",
        "Files live in commits, at absolute paths; directories are implied by the paths of files.",
        (
            Entry("put-file", "putfile", "Put files into a branch or an open commit."),
            Entry("get-file", "getfile", "Get the content of a file, or of a directory."),
            Entry("inspect-file", "files", "Show one file or directory."),
            Entry("list-file", "files", "List the files in a directory."),
            Entry("glob-file", "files", "List the files that match a glob pattern."),
            Entry("diff-file", "files", "Show what differs between two commits."),
            Entry("copy-file", "files", "Copy a file or directory, without moving its bytes."),
            Entry("delete-file", "files", "Delete a file or directory."),
        ),
    ),
    Topic(
        "pipeline",
        "Pipelines",
        "A pipeline runs a program whenever the data it reads changes, and keeps what the program writes.",
        (
            Entry("create-pipeline", "pipelines", "Create pipelines from a specification."),
            Entry("update-pipeline", "pipelines", "Change pipelines to a new specification."),
            Entry("inspect-pipeline", "pipelines", "Show one pipeline."),
            Entry("list-pipeline", "pipelines", "List all pipelines, newest first."),
            Entry("extract-pipeline", "pipelines", "Print the specification of a pipeline."),
            Entry("start-pipeline", "pipelines", "Let a stopped pipeline run again."),
            Entry("stop-pipeline", "pipelines", "Stop a pipeline; new data gives it no jobs."),
            Entry("delete-pipeline", "pipelines", "Delete a pipeline and its output."),
        ),
    ),
    Topic(
        "job",
        "Jobs and datums",
        "A job is one run of a pipeline over one state of its inputs; a datum is the unit of its work.",
        (
            Entry("list-job", "jobs", "List jobs, newest first."),
            Entry("inspect-job", "jobs", "Show one job."),
            Entry("flush-job", "waiting", "Wait for all jobs that commits caused, and list them."),
            Entry("stop-job", "jobs", "Stop a job."),
            Entry("delete-job", "jobs", "Stop a job and forget it."),
            Entry("list-datum", "datums", "List the datums of a job."),
            Entry("inspect-datum", "datums", "Show one datum."),
            Entry("restart-datum", "datums", "Begin a running datum again."),
            Entry("get-logs", "logs", "Print what user code wrote."),
        ),
    ),
    Topic(
        "environment",
        "Environments",
        "An environment is what an image name means on this machine: a folder, variables, a search path.",
        (
            Entry("create-environment", "environments", "Say what an image name means on this machine."),
            Entry("list-environment", "environments", "List the environments of this machine."),
            Entry("delete-environment", "environments", "Forget an environment."),
        ),
    ),
    Topic(
        "server",
        "Server",
        "pachd is the server; when no address is configured, pachctl starts one for this user.",
        (
            Entry("version", "cluster", "Print the versions of pachctl and pachd."),
            Entry("inspect-cluster", "cluster", "Print the id of the server's installation."),
            Entry("fsck", "cluster", "Check that everything stored is whole."),
            Entry("start-pachd", "server", "Start the local pachd, if none runs."),
            Entry("pachd-status", "server", "Show the state of pachd."),
            Entry("stop-pachd", "server", "Stop pachd gracefully."),
        ),
    ),
)

ENTRIES = {entry.name: entry for topic in TOPICS for entry in topic.entries}
"""Every command by its name."""
