"""Which datums a job has, and which of them are new: incremental view maintenance over the maps of its inputs.

`records` is what a datum map holds, `operators` is the algebra, `tree` builds it from an input expression, `plan`
keeps a job's datum map, `work` says what is left to do. Invariant: the datum map depends on the input commits,
the input expression and the salt alone, never on the job that the plan started from.
"""
