"""Intake: accepts what residents say, screens it, and decides how it will be handled."""
