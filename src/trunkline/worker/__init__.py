"""The worker process: it pulls batches of datums from pachd, runs user code on each, and reports.

A datum walks through: staging (`/pfs/<input>`), a runtime (user code), gathering (`/pfs/out`), a report. The
worker knows pachd's address and the object store; it never sees the catalog.
"""
