"""Pipelines, jobs and datums: what should run, what ran, and what came of it."""
