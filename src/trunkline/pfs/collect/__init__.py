"""Garbage collection: what is reachable, what may go, and why the rest stays."""
