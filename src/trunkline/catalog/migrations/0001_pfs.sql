-- The versioned file system. Times are nanoseconds since the epoch; `root` and `delta` are packed map roots.
-- Keys of repos, commits and branches are never used again: who waits for one, or writes to one, would meet another.

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL
);

CREATE TABLE repos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    UNIQUE (project, name, type)
);

-- Ids grow with creation: a parent's is smaller than its children's, an upstream commit's smaller than a
-- downstream one's.
CREATE TABLE commits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repo INTEGER NOT NULL REFERENCES repos (id),
    set_id TEXT NOT NULL,
    branch TEXT NOT NULL DEFAULT '',
    parent INTEGER REFERENCES commits (id),
    origin TEXT NOT NULL CHECK (origin IN ('USER', 'AUTO')),
    description TEXT NOT NULL DEFAULT '',
    started INTEGER NOT NULL,
    finishing INTEGER,
    finished INTEGER,
    error TEXT NOT NULL DEFAULT '',
    root BLOB,
    CHECK (finished IS NULL OR (finishing IS NOT NULL AND root IS NOT NULL)),
    UNIQUE (repo, set_id)
);
CREATE INDEX commits_by_set ON commits (set_id, id);
CREATE INDEX commits_by_parent ON commits (parent);
CREATE INDEX commits_by_repo ON commits (repo, id);
CREATE INDEX commits_finishing ON commits (id) WHERE finished IS NULL AND finishing IS NOT NULL;

CREATE TABLE branches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repo INTEGER NOT NULL REFERENCES repos (id),
    name TEXT NOT NULL,
    head INTEGER NOT NULL REFERENCES commits (id),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    UNIQUE (repo, name)
);
CREATE INDEX branches_by_head ON branches (head);

CREATE TABLE branch_provenance (
    branch INTEGER NOT NULL REFERENCES branches (id),
    upstream INTEGER NOT NULL REFERENCES branches (id),
    PRIMARY KEY (branch, upstream)
);
CREATE INDEX branch_subvenance ON branch_provenance (upstream, branch);

CREATE TABLE commit_provenance (
    commit_id INTEGER NOT NULL REFERENCES commits (id),
    upstream INTEGER NOT NULL REFERENCES commits (id),
    PRIMARY KEY (commit_id, upstream)
);
CREATE INDEX commit_subvenance ON commit_provenance (upstream, commit_id);

-- What was written into an open commit, in order of arrival. `removed` is a list of path prefixes dropped
-- before `delta` is applied.
CREATE TABLE layers (
    commit_id INTEGER NOT NULL REFERENCES commits (id),
    position INTEGER NOT NULL,
    removed BLOB NOT NULL,
    delta BLOB NOT NULL,
    PRIMARY KEY (commit_id, position)
);
