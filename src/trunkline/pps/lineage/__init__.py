"""From which files a file was made, and what was made from it: look-ups, at any depth, in both directions.

`values` is what is said, `past` reads the catalog, `up` goes to what a file came from, `down` to what came from it.
Invariant: nothing is kept for this. What is needed is there for other reasons: the tag of a file names its datum, the
datum map of a job has the inputs of each datum, provenance has the commits, and outcomes know who did the work.
"""
