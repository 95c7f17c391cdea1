"""The hyphenated commands, the grammar of release 1.7: by topic, each with its module and one line of help."""

from __future__ import annotations

HYPHENATED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "repo": (
        ("create-repo", "repos", "Create a repo."),
        ("update-repo", "repos", "Change the description of a repo."),
        ("inspect-repo", "repos", "Show one repo."),
        ("list-repo", "repos", "List all repos, newest first."),
        ("delete-repo", "repos", "Delete a repo and everything in it."),
    ),
    "commit": (
        ("start-commit", "commits", "Start a commit on a branch and print its id."),
        ("finish-commit", "commits", "Finish a commit, after which it cannot change."),
        ("inspect-commit", "commits", "Show one commit and everything it came from."),
        ("list-commit", "commits", "List the commits of a repo, newest first."),
        ("flush-commit", "waiting", "Wait for everything that commits caused, and list it."),
        ("subscribe-commit", "waiting", "Print the commits of a branch as they finish, until stopped."),
        ("delete-commit", "commits", "Delete a commit and everything it caused."),
    ),
    "branch": (
        ("create-branch", "branches", "Create a branch, or change where it points."),
        ("set-branch", "branches", "Point a branch at a commit."),
        ("list-branch", "branches", "List the branches of a repo."),
        ("delete-branch", "branches", "Delete a branch; its commits stay."),
    ),
    "file": (
        ("put-file", "putfile", "Put files into a branch or an open commit."),
        ("get-file", "getfile", "Get the content of a file, or of a directory."),
        ("inspect-file", "files", "Show one file or directory."),
        ("list-file", "files", "List the files in a directory."),
        ("glob-file", "files", "List the files that match a glob pattern."),
        ("diff-file", "files", "Show what differs between two commits."),
        ("copy-file", "files", "Copy a file or directory, without moving its bytes."),
        ("delete-file", "files", "Delete a file or directory."),
    ),
    "pipeline": (
        ("create-pipeline", "pipelines", "Create pipelines from a specification."),
        ("update-pipeline", "pipelines", "Change pipelines to a new specification."),
        ("inspect-pipeline", "pipelines", "Show one pipeline."),
        ("list-pipeline", "pipelines", "List all pipelines, newest first."),
        ("edit-pipeline", "pipelines", "Change a pipeline in an editor."),
        ("extract-pipeline", "pipelines", "Print the specification of a pipeline."),
        ("start-pipeline", "pipelines", "Let a stopped pipeline run again."),
        ("stop-pipeline", "pipelines", "Stop a pipeline; new data gives it no jobs."),
        ("run-cron", "pipelines", "Let the clocks of a pipeline tick now."),
        ("delete-pipeline", "pipelines", "Delete a pipeline and its output."),
    ),
    "job": (
        ("list-job", "jobs", "List jobs, newest first."),
        ("inspect-job", "jobs", "Show one job."),
        ("flush-job", "waiting", "Wait for all jobs that commits caused, and list them."),
        ("stop-job", "jobs", "Stop a job."),
        ("delete-job", "jobs", "Stop a job and forget it."),
        ("get-logs", "logs", "Print what user code wrote."),
    ),
    "datum": (
        ("list-datum", "datums", "List the datums of a job."),
        ("inspect-datum", "datums", "Show one datum."),
        ("restart-datum", "datums", "Begin a running datum again."),
    ),
    "secret": (
        ("create-secret", "secrets", "Create a secret from the manifest of a Kubernetes Secret in JSON."),
        ("inspect-secret", "secrets", "Show one secret, without its values."),
        ("list-secret", "secrets", "List all secrets, without their values."),
        ("delete-secret", "secrets", "Delete a secret; jobs that need it fail from then on."),
    ),
    "environment": (
        ("create-environment", "environments", "Say what an image name means on this machine."),
        ("list-environment", "environments", "List the environments of this machine."),
        ("delete-environment", "environments", "Forget an environment."),
    ),
    "server": (
        ("version", "cluster", "Print the versions of pachctl and pachd."),
        ("inspect-cluster", "cluster", "Print the id of the server's installation."),
        ("fsck", "cluster", "Check that everything stored is whole."),
        ("delete-all", "cluster", "Delete everything: repos, commits, files, pipelines and jobs."),
        ("garbage-collect", "garbage", "Free the storage of data that nothing refers to."),
        ("start-pachd", "server", "Start the local pachd, if none runs."),
        ("pachd-status", "server", "Show the state of pachd."),
        ("stop-pachd", "server", "Stop pachd gracefully."),
    ),
}
"""Topic: (name, module below `commands`, first line of the help)."""
