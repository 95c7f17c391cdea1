-- Which changes are passed on, and pages of histories.

-- Where `never` is 1, new commits of `upstream` cause none on `branch`; its commits come from `upstream` all the same.
ALTER TABLE branch_provenance ADD COLUMN never INTEGER NOT NULL DEFAULT 0;

-- A page of a history is asked for by time.
CREATE INDEX commits_by_repo_and_time ON commits (repo, started, id);
CREATE INDEX commits_by_time ON commits (started, id);
