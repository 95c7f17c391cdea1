"""Stores around a store, of the same interface: cache, counters, repetition."""
