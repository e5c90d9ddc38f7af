"""Explanations on disk."""

from xaicf.store.part import read_part, write_part

__all__ = ["read_part", "write_part"]
