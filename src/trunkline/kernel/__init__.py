"""The kernel: ids, names, errors, the clock, settings, logging. No I/O but reading settings."""
