-- Indexes of joins and groups.

-- What the plan of a job leaves to the plan of a later one: the packed root of the index of each join and group among its
-- inputs, in the order of the tree. Derived: without these rows the next plan makes the indexes again.
CREATE TABLE job_indexes (
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    root BLOB NOT NULL,
    PRIMARY KEY (job, place)
);
