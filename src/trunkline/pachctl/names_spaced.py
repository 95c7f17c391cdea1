"""The spaced commands, the grammar of release 2.11: by topic, each with its module and one line of help."""

from __future__ import annotations

SPACED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "project": (
        ("create project", "spaced.projects", "Create a project."),
        ("update project", "spaced.projects", "Change the description of a project."),
        ("inspect project", "spaced.projects", "Show one project."),
        ("list project", "spaced.projects", "List all projects."),
        ("delete project", "spaced.projects", "Delete a project, and what is in it."),
    ),
    "repo": (
        ("create repo", "spaced.repos", "Create a repo."),
        ("update repo", "spaced.repos", "Change the description of a repo."),
        ("inspect repo", "spaced.repos", "Show one repo."),
        ("list repo", "spaced.repos", "List the repos of a project."),
        ("delete repo", "spaced.repos", "Delete a repo and everything in it."),
    ),
    "branch": (
        ("create branch", "spaced.branches", "Create a branch, or change where it points."),
        ("inspect branch", "spaced.branches", "Show one branch."),
        ("list branch", "spaced.branches", "List the branches of a repo."),
        ("delete branch", "spaced.branches", "Delete a branch; its commits stay."),
    ),
    "commit": (
        ("start commit", "spaced.commits", "Start a commit on a branch and print its id."),
        ("finish commit", "spaced.commits", "Finish a commit, after which it cannot change."),
        ("inspect commit", "spaced.commits", "Show one commit."),
        ("list commit", "spaced.listing", "List commits, newest first."),
        ("wait commit", "spaced.waiting", "Wait until a commit, or everything that one change caused, is finished."),
        ("subscribe commit", "spaced.waiting", "Print the commits of a repo as they finish, until stopped."),
        ("find commit", "spaced.listing", "Find the commits that changed a file."),
        ("squash commit", "spaced.removing", "Take a commit set out of the history; what it wrote stays visible."),
        ("delete commit", "spaced.removing", "Delete a commit set with its data."),
        ("squash commitV2", "spaced.removing", "Take one commit out of the history; what it wrote stays visible."),
        ("delete commitV2", "spaced.removing", "Delete one commit with its data."),
    ),
    "file": (
        ("put file", "spaced.transfer", "Put files into a branch or an open commit."),
        ("get file", "spaced.transfer", "Get the content of a file, or of a directory."),
        ("inspect file", "spaced.files", "Show one file or directory."),
        ("list file", "spaced.files", "List the files in a directory."),
        ("glob file", "spaced.files", "List the files that match a glob pattern."),
        ("diff file", "spaced.diffing", "Show what differs between two commits."),
        ("copy file", "spaced.files", "Copy a file or directory, without moving its bytes."),
        ("delete file", "spaced.files", "Delete a file; with -r a directory."),
    ),
    "transaction": (
        ("start transaction", "spaced.transactions", "Start a transaction and make it the active one."),
        ("stop transaction", "spaced.transactions", "Stop adding commands to the active transaction."),
        ("resume transaction", "spaced.transactions", "Make a transaction the active one again."),
        ("finish transaction", "spaced.transactions", "Do everything that a transaction holds, at once."),
        ("inspect transaction", "spaced.transactions", "Show one transaction and its requests."),
        ("list transaction", "spaced.transactions", "List the transactions that are not finished."),
        ("delete transaction", "spaced.transactions", "Forget a transaction; nothing of it happens."),
    ),
    "config": (
        ("connect", "spaced.contexts", "Make a context for an address, and make it the active one."),
        ("config get metrics", "spaced.contexts", "Print whether metrics are sent; there are none."),
        ("config set metrics", "spaced.contexts", "Say whether metrics are sent; there are none."),
        ("config get active-context", "spaced.contexts", "Print the name of the active context."),
        ("config set active-context", "spaced.contexts", "Make a context the active one."),
        ("config get active-enterprise-context", "spaced.contexts", "Print the name of the active enterprise context."),
        ("config set active-enterprise-context", "spaced.contexts", "Make a context the active enterprise one."),
        ("config get context", "spaced.contexts", "Print a context as JSON."),
        ("config set context", "spaced.contexts", "Make a context of JSON from standard input."),
        ("config update context", "spaced.contexts", "Change the fields of a context."),
        ("config delete context", "spaced.contexts", "Delete a context that is not the active one."),
        (
            "config list context",
            "spaced.contexts",
            "List all contexts; the active one is marked with *, the active enterprise one with E.",
        ),
    ),
}
"""Topic: (name, module below `commands`, first line of the help)."""
