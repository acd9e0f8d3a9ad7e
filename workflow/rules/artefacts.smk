"""Evaluations become cells, cells become tables and plots: one job per artefact."""


rule architectures:
    input:
        sorted((PACKAGE / "models").glob(VISIBLE)),
        sorted((PACKAGE / "draw" / "figures").glob("*/networks.py")),
    output:
        results("architectures.json"),
    log:
        results("logs/architectures.log"),
    conda:
        "../../environment.yml"
    shell:
        "repro architectures --into {output:q} > {log:q} 2>&1"


rule table:
    input:
        measured_for,
        numbers_of_others,
        settings="config/config.yaml",
        reported=paper_file("reported.csv"),
        sheet=paper_file("sheet.yaml"),
        architectures=results("architectures.json"),
    output:
        **artefact_files("csv", "md", "tex", "pdf"),
    log:
        results("logs/artefacts/{paper}/{artefact}.log"),
    wildcard_constraints:
        artefact=names.TABLE,
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
        title=title_of_artefact,
        unfilled=unfilled_cells,
    shell:
        "repro draw {params.common} {wildcards.paper}/{wildcards.artefact} > {log:q} 2>&1"


use rule table as figure with:
    output:
        **artefact_files("pdf"),
    wildcard_constraints:
        artefact=names.FIGURE,


rule search_table:
    """What a search on validation images found; `snakemake --cores all search` makes all of them."""
    input:
        searched_for,
        settings="config/config.yaml",
        sheet=paper_file("sheet.yaml"),
    output:
        multiext(results("searches/{paper}/{search}"), ".csv", ".md", ".png", ".pdf"),
    log:
        results("logs/searches/{paper}/{search}.log"),
    wildcard_constraints:
        search=names.NAME,
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
    shell:
        "repro search draw {params.common} {wildcards.paper}/{wildcards.search} > {log:q} 2>&1"


rule search_summary:
    """What all searches found, with each winner's gain over the value in use."""
    input:
        [results(f"searches/{name}.csv") for name in PLAN.searches],
    output:
        multiext(results("searches/summary"), ".csv", ".md", ".png", ".pdf"),
    log:
        results("logs/searches/summary.log"),
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
    shell:
        "repro search summary {params.common} > {log:q} 2>&1"


rule search:
    input:
        results("searches/summary.csv"),
