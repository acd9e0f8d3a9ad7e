"""Checks: the configuration against the code, what is on disk against what made it."""
