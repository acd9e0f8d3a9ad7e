"""What is particular to the artefacts of RGAN."""
