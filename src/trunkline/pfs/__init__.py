"""The versioned file system: projects, repos, branches, commits, provenance, files. Knows no pipelines."""
