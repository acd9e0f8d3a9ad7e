"""What is to be done: sheets and profiles to runs, evaluations and cells. Imports no torch."""
