-- The last change that each process made. The server gives the number of a transaction again when it crashed before that
-- transaction was on its disk; so only a row that came with the change proves that it happened.

CREATE TABLE changes (
    process TEXT PRIMARY KEY,
    number TEXT NOT NULL
);
