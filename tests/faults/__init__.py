"""Faults: what breaks here has servers and replicas of its own, which end with the last of these tests."""
