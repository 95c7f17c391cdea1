-- File sets, the cache that may keep them, and the triggers of branches.

-- A layer is a map of operations (`whole` = 0), or of files that are appended as they are (`whole` = 1).
ALTER TABLE layers ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;

-- A temporary list of layers. After `expires` (nanoseconds) it is gone for everybody, unless a cache entry keeps it.
CREATE TABLE file_sets (
    id TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX file_sets_by_expiry ON file_sets (expires);

CREATE TABLE file_set_layers (
    file_set TEXT NOT NULL REFERENCES file_sets (id),
    position INTEGER NOT NULL,
    removed BLOB NOT NULL,
    delta BLOB NOT NULL,
    whole INTEGER NOT NULL,
    PRIMARY KEY (file_set, position)
);

-- What clients remember here. `used` grows with each use, so that the least recently used is the smallest.
CREATE TABLE cache_entries (
    name TEXT PRIMARY KEY,
    content BLOB NOT NULL,
    tag TEXT NOT NULL,
    used INTEGER NOT NULL
);
CREATE INDEX cache_entries_by_use ON cache_entries (used);

CREATE TABLE cache_file_sets (
    entry TEXT NOT NULL REFERENCES cache_entries (name),
    file_set TEXT NOT NULL REFERENCES file_sets (id),
    PRIMARY KEY (entry, file_set)
);
CREATE INDEX cache_by_file_set ON cache_file_sets (file_set);

-- When the head of another branch of the repo becomes the head of this one. The other branch, `source`, need not exist.
-- `every` tells whether all conditions must hold; an empty text or 0 is no condition. `ticked` is the last time at which
-- a tick of `cron` was seen to.
CREATE TABLE triggers (
    branch INTEGER PRIMARY KEY REFERENCES branches (id),
    repo INTEGER NOT NULL REFERENCES repos (id),
    source TEXT NOT NULL,
    every INTEGER NOT NULL,
    rate TEXT NOT NULL,
    size TEXT NOT NULL,
    commits INTEGER NOT NULL,
    cron TEXT NOT NULL,
    ticked INTEGER
);
CREATE INDEX triggers_by_source ON triggers (repo, source);
CREATE INDEX triggers_by_cron ON triggers (branch) WHERE cron <> '';

-- Commits that finished without an error, and triggers that are to be held against them, oldest first.
CREATE TABLE trigger_checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    branch INTEGER NOT NULL REFERENCES branches (id),
    commit_id INTEGER NOT NULL REFERENCES commits (id)
);
CREATE INDEX trigger_checks_by_branch ON trigger_checks (branch);
CREATE INDEX trigger_checks_by_commit ON trigger_checks (commit_id);
