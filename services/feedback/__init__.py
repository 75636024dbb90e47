"""Feedback: asks residents afterwards, tells the whole story, and closes what is solved."""
