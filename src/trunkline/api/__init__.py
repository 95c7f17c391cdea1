"""The gRPC services: wire messages in, domain calls, wire messages out; no rules of their own."""
