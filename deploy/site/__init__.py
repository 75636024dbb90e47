"""The documentation as a site with search, built from the same files that a repository's host shows (decision 38)."""
