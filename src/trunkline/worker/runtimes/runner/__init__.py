"""The runner: the small program that stands between the worker and user code, one for each sandbox.

It is started with `python -I -S`, imports nothing but a few modules of the standard library (it must be up in
some fifteen milliseconds), and never sees a token, a store or the network.
"""
