"""Watching a local run without any outside service: traces are received, figures scraped, both kept a while and shown."""
