"""Watching a local run without any outside service: traces are received, figures scraped, and both shown."""
