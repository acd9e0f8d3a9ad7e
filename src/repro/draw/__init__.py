"""Tables, plots, diagrams from cells; what only one paper draws is in ``figures/``. Imports no torch."""
