"""The command line: grammar, tables, detail views, and the way to a server.

It speaks only the public gRPC API, and our own `trunkline.v1` for what that API cannot express (environments,
the state of the server). It keeps no rules of the system: it parses, asks, and prints.
"""
