"""Plays the tutorial and its sequel with the real `pachctl` against a real pachd.

The same pieces serve `make tutorial` and `tests/acceptance`: `data` knows the copies of the data set and what
comes out of each, `page` reads a page of commands, `player` runs them on a fresh home, `tables` reads what
they print, `checks` says what must be true, `walk` plays a page, `sequel` is the next day.
"""
