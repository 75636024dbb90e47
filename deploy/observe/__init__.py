"""What an installation is watched with: dashboard, alert rules, and the reference of metrics that both go by."""
