"""The commands of the spaced grammar of 2.11, one module per family; loaded when one of them is typed."""
