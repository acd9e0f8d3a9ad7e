"""From evaluations to the cells and files of an artefact, and all of them joined."""
