-- Transactions, metadata, forgotten commits.

-- A transaction that is being put together; `name` is its id outside, and will be the id of its commit set.
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    started INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0
);

-- What a transaction will do, in order. Request and response are messages of the API as it sent them; the
-- response is what the newest trial answered.
CREATE TABLE transaction_steps (
    transaction_key INTEGER NOT NULL REFERENCES transactions (id),
    position INTEGER NOT NULL,
    request BLOB NOT NULL,
    response BLOB NOT NULL,
    PRIMARY KEY (transaction_key, position)
);

-- A JSON object of texts. The cluster's own is the setting `metadata`.
ALTER TABLE projects ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE repos ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE branches ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE commits ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE pipelines ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';

-- The content of a forgotten commit is gone; its root is that of the empty map.
ALTER TABLE commits ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
