-- Defaults of pipelines, and what they make of a spec.

-- `text` is JSON as it was set, word for word. Those of the whole cluster are the setting `cluster_defaults`.
CREATE TABLE project_defaults (
    project INTEGER NOT NULL UNIQUE REFERENCES projects (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    updated INTEGER NOT NULL
);

-- The user's spec over the defaults of its time; `effective_spec` says what that leaves open as well. Empty for
-- versions from before there were defaults.
ALTER TABLE pipeline_versions ADD COLUMN merged_spec TEXT NOT NULL DEFAULT '';
