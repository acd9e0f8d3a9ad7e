"""Verdicts, audit, tables, plots and the HTML report."""
