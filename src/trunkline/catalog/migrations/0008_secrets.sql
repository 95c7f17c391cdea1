-- Secrets that pipelines name. `sealed` holds the values, encrypted; `fields` is a JSON list of their names; `key_id`
-- says which key opens it.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    fields TEXT NOT NULL,
    sealed BLOB NOT NULL,
    key_id TEXT NOT NULL,
    created INTEGER NOT NULL
);
