"""The two versions: our own, and that of the public API which we speak.

Clients compare the API version with their own; so it is the release whose behaviour we keep.
"""

VERSION = "0.1.0"
API_VERSION = (2, 11, 6)
