"""Why a job does what it does, and what a change would cause: plans and outcomes, read and put into words.

`values` is what is said, `causes` says why one datum came up, `datums` goes through those of a job, `obstacles` says
what a job waits for or failed of, `foresee` plans without effects. Invariant: nothing here changes anything; what is
planned on trial is planned by the code that plans jobs, over a store that forgets it.
"""
