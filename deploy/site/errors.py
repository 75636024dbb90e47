"""What can be wrong with the documentation; each message names the place."""

from deploy.local.errors import LocalRunError


class SiteError(LocalRunError):
    """Stop the build for something that the documentation's writer can mend."""
