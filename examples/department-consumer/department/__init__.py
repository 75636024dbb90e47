"""A department's own program: it follows its feed, keeps its work orders in its own database, and answers."""
