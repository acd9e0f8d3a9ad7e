"""Evaluations become cells, cells become tables and plots: one job per artefact."""


rule architectures:
    input:
        sorted((PACKAGE / "models").glob("*.py")),
    output:
        results("architectures.json"),
    log:
        results("logs/architectures.log"),
    conda:
        "../../environment.yml"
    shell:
        "repro architectures --into {output} > {log} 2>&1"


rule table:
    input:
        measured_for,
        **artefact_inputs(),
    output:
        **artefact_files("csv", "md", "tex", "png", "pdf"),
        cells=results("cells/{paper}/{artefact}.csv"),
        entry=results("cells/{paper}/{artefact}.json"),
    log:
        results("logs/artefacts/{paper}/{artefact}.log"),
    wildcard_constraints:
        artefact=r"table\d+",
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
    shell:
        "repro draw {params.common} {wildcards.paper}/{wildcards.artefact} > {log} 2>&1"


rule figure:
    input:
        measured_for,
        **artefact_inputs(),
    output:
        **artefact_files("png", "pdf"),
        cells=results("cells/{paper}/{artefact}.csv"),
        entry=results("cells/{paper}/{artefact}.json"),
    log:
        results("logs/artefacts/{paper}/{artefact}.log"),
    wildcard_constraints:
        artefact=r"figure\d+",
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
    shell:
        "repro draw {params.common} {wildcards.paper}/{wildcards.artefact} > {log} 2>&1"
