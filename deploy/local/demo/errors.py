"""What the demo says in one sentence instead of going on."""


class DemoError(Exception):
    """The system answered otherwise than it should, or what was asked of the demo cannot be done."""
