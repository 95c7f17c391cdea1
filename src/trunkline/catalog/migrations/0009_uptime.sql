-- When the workers of a pipeline last came up; counts while its state is RUNNING or CRASHING.
ALTER TABLE pipelines ADD COLUMN workers_started INTEGER;
