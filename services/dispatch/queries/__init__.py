"""Reads for the views, with their own SELECTs."""
