-- Clocks of pipelines.

-- When the next tick of a pipeline's cron input comes; `number` counts the cron inputs of its newest version. `due` is 0
-- where that has to be worked out first, and NULL if there will be none. `ticked` is the newest tick there was. A
-- pipeline that is stopped has no rows.
CREATE TABLE crons (
    pipeline INTEGER NOT NULL REFERENCES pipelines (id),
    number INTEGER NOT NULL,
    ticked INTEGER,
    due INTEGER,
    PRIMARY KEY (pipeline, number)
);
CREATE INDEX crons_by_due ON crons (due);
CREATE INDEX crons_by_tick ON crons (ticked);
