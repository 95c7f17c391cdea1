-- The pachd processes that share a catalog. Only on PostgreSQL: a SQLite catalog belongs to one process.

-- Whoever changes the catalog holds this table; it has no rows.
CREATE TABLE writers (id INTEGER NOT NULL);

-- Processes that are alive, by the server's clock in nanoseconds. Whose row is gone may not change anything any more.
-- `alone` is 1 while a process does what no other may see: none may begin meanwhile.
CREATE TABLE processes (
    name TEXT PRIMARY KEY,
    started INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    alone INTEGER NOT NULL DEFAULT 0
);

-- How often the lead was taken: a step of a leader is refused when the number is not the one it began with.
CREATE TABLE leadership (epoch INTEGER NOT NULL);
INSERT INTO leadership (epoch) VALUES (0);
