"""Dispatch: assigns a petition's work order to a department, follows it to the reply, and watches its clocks."""
