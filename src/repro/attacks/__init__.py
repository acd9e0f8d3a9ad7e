"""Threat models and attacks, one attack per file."""
