"""Cases that are played on a running system: `make demo CASE=…`."""
