"""The object store: named, immutable byte strings in a folder, in memory, or behind wrappers."""
