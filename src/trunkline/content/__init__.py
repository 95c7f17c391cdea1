"""The content of files: cut into chunks, stored once, read back verified."""
