"""Runtimes: how user code is run. One protocol, one conformance suite (`trunkline.testing.runtimes`)."""
