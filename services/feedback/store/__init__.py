"""Writes and locks, a file per table."""
