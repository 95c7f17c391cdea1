"""The page and its sequel, played by the real `pachctl` against a real pachd on a fresh home."""
