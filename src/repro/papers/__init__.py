"""How each paper's artefacts are planned, composed and drawn."""
