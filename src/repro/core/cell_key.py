"""What a cell and its row are called in cells.csv and reported.csv."""

CellKey = tuple[str, str, str, str, str, str]
"""Paper, artefact, row, column, metric and convention: what tells a cell from every other."""


def row_key(panel: str, row: str = "") -> str:
    """Return ``<panel>: <row>``, the row alone where the artefact has no named panels.

    Without a row it is what the names of all rows of the panel begin with.
    """
    return f"{panel}: {row}" if panel else row
