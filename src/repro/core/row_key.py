"""How a cell's row is called in cells.csv and reported.csv."""


def row_key(panel: str, row: str = "") -> str:
    """Return ``<panel>: <row>``, the row alone where the artefact has no named panels.

    Without a row it is what the names of all rows of the panel begin with.
    """
    return f"{panel}: {row}" if panel else row
