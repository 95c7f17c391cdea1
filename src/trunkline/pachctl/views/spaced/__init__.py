"""Tables and detail views of the spaced grammar of 2.11."""
