"""Commands: load, decide, save, on a transaction that is passed in; a file per subject."""
