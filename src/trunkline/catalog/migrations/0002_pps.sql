-- Pipelines, jobs, outcomes. Specs are canonical protobuf JSON (lowerCamelCase).

-- `output` is the branch that the pipeline writes; `salt` and `version` are those of the newest version.
CREATE TABLE pipelines (
    id INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL UNIQUE REFERENCES repos (id),
    output INTEGER NOT NULL UNIQUE REFERENCES branches (id),
    version INTEGER NOT NULL,
    salt TEXT NOT NULL,
    stopped INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
);

CREATE TABLE pipeline_versions (
    pipeline INTEGER NOT NULL REFERENCES pipelines (id),
    version INTEGER NOT NULL,
    spec_commit INTEGER NOT NULL REFERENCES commits (id),
    salt TEXT NOT NULL,
    user_spec TEXT NOT NULL,
    effective_spec TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (pipeline, version)
);
CREATE INDEX pipeline_versions_by_commit ON pipeline_versions (spec_commit, pipeline);

-- A job's id outside is the set id of its output commit. `datums` is the packed root of its datum map, known
-- once it is planned; `plan_key` says under which inputs and salt it was planned, so that a later job knows
-- whether it may start from this one. Keys are never used again, because outcomes name them.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline INTEGER NOT NULL REFERENCES pipelines (id),
    version INTEGER NOT NULL,
    output_commit INTEGER NOT NULL UNIQUE REFERENCES commits (id),
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    restart INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    plan_key TEXT,
    base INTEGER REFERENCES jobs (id) ON DELETE SET NULL,
    datums BLOB,
    data_total INTEGER NOT NULL DEFAULT 0,
    data_processed INTEGER NOT NULL DEFAULT 0,
    data_skipped INTEGER NOT NULL DEFAULT 0,
    data_failed INTEGER NOT NULL DEFAULT 0,
    data_recovered INTEGER NOT NULL DEFAULT 0,
    download_time INTEGER NOT NULL DEFAULT 0,
    process_time INTEGER NOT NULL DEFAULT 0,
    upload_time INTEGER NOT NULL DEFAULT 0,
    download_bytes INTEGER NOT NULL DEFAULT 0,
    upload_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_by_pipeline ON jobs (pipeline, id);
CREATE INDEX jobs_by_time ON jobs (created, id);
CREATE INDEX jobs_by_pipeline_and_time ON jobs (pipeline, created, id);
CREATE INDEX jobs_by_plan ON jobs (pipeline, plan_key, state, id);
CREATE INDEX jobs_by_base ON jobs (base);
CREATE INDEX jobs_unfinished ON jobs (pipeline, id) WHERE finished IS NULL;

-- What a datum made, remembered for as long as its pipeline lives: whoever needs it again need not run user
-- code. `job` is the job that ran it. `outputs` is the packed root of the map of its output files.
CREATE TABLE outcomes (
    pipeline INTEGER NOT NULL REFERENCES pipelines (id),
    hash BLOB NOT NULL,
    datum BLOB NOT NULL,
    job INTEGER NOT NULL,
    version INTEGER NOT NULL,
    outputs BLOB NOT NULL,
    image_digest TEXT NOT NULL DEFAULT '',
    tries INTEGER NOT NULL DEFAULT 1,
    download_time INTEGER NOT NULL,
    process_time INTEGER NOT NULL,
    upload_time INTEGER NOT NULL,
    download_bytes INTEGER NOT NULL,
    upload_bytes INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (pipeline, hash)
);

-- Datums of a job that user code did not turn into output: FAILED or RECOVERED.
CREATE TABLE troubled_datums (
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    datum BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('FAILED', 'RECOVERED')),
    reason TEXT NOT NULL,
    image_digest TEXT NOT NULL DEFAULT '',
    tries INTEGER NOT NULL,
    download_time INTEGER NOT NULL,
    process_time INTEGER NOT NULL,
    upload_time INTEGER NOT NULL,
    download_bytes INTEGER NOT NULL,
    upload_bytes INTEGER NOT NULL,
    PRIMARY KEY (job, datum)
);

-- What an image name means to the process runtime. `variables` is a JSON object, `search_path` a JSON list.
CREATE TABLE environments (
    image TEXT PRIMARY KEY,
    root TEXT NOT NULL,
    variables TEXT NOT NULL,
    search_path TEXT NOT NULL,
    created INTEGER NOT NULL
);
