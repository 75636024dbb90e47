"""A file per subject: load, decide, save, on a transaction that is passed in."""
