-- Pipelines whose code runs on: spouts and services.

-- What the newest version of a pipeline is: TRANSFORM, SPOUT or SERVICE.
ALTER TABLE pipelines ADD COLUMN type TEXT NOT NULL DEFAULT 'TRANSFORM';
CREATE INDEX pipelines_standing ON pipelines (type, id) WHERE type <> 'TRANSFORM';
