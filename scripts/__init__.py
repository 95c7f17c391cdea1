"""Programs that live beside the package: run them as `python -m scripts.NAME` from the top folder."""
