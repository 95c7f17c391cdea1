"""The wire messages and stubs, generated from `proto/` when the project is built.

Nothing here is written by hand or committed. Only the rooms that speak gRPC import it: `api`, `worker`,
`pachd` and `pachctl`; the domain rooms below do not know that it exists.
"""
