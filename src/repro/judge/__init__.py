"""What a number is worth: cells.csv, verdicts, claims, the audit, the ledger. Imports no torch."""
