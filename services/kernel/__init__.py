"""What every service shares and none owns. Functions and values, never base classes; knows no service."""
