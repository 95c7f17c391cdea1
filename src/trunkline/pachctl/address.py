"""Addresses of servers; they are read by `trunkline.client.address`."""

from __future__ import annotations

from trunkline.client.address import Address, parse

__all__ = ["Address", "parse"]
