"""Shipped with the package: conformance suites, fakes, models and invariants, for our tests and for yours."""
