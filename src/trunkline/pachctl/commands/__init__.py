"""The commands, one module per family; loaded when one of its commands is typed."""
