"""Measurements: `make bench` runs them and keeps their figures under bench/results."""
