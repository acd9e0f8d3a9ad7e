"""All cells together: cells.csv, claims, audit, the HTML report; and single artefacts by name."""


rule cells:
    input:
        [results(f"cells/{name}.csv") for name in PLAN.cells],
        manifests("train", asked(BATCHES.train)),  # claims on costs read the logs
        every_paper("claims.yaml"),
        every_paper("audit.yaml"),
        every_paper("reported.csv"),
    output:
        cells=report(results("cells.csv"), category="all papers"),
        artefacts=results("artefacts.json"),
        claims=report(results("claims.csv"), category="all papers"),
        audit=report(results("audit.csv"), category="all papers"),
    log:
        results("logs/cells.log"),
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
    shell:
        "repro cells {params.common} > {log:q} 2>&1"


rule cost:
    """Device time a step and a cell, from the logs of all runs that an artefact asks for."""
    input:
        manifests("train", asked(BATCHES.train)),
        manifests("evaluate", asked(BATCHES.evaluate)),
        baselines=every_paper("cost.yaml"),
    output:
        [results(f"cost.{ending}") for ending in ("csv", "md", "tex", "png", "pdf")],
    log:
        results("logs/cost.log"),
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
        into=subpath(output[0], parent=True),
    shell:
        "repro cost {params.common} --into {params.into:q} > {log:q} 2>&1"


rule report:
    input:
        rules.cells.output,
        rules.cost.output,
        every_artefact(),
        every_paper("ledger.yaml"),
        Path("config/ledger.yaml"),
    output:
        results("report/index.html"),
    log:
        results("logs/report.log"),
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
        # Shown where they exist, but no reason to train their runs: no input. A search that is new writes the report anew.
        searches=content_of(LAYOUT.search_summary.with_suffix(".csv")),
    shell:
        "repro report {params.common} > {log:q} 2>&1"


rule single:
    """One artefact in figures/, in all its formats; `snakemake --cores all figures/dat/table4.png` asks for one."""
    input:
        needs_of_single,
    output:
        "figures/{paper}/{artefact}.{ending}",
    log:
        results("logs/single/{paper}/{artefact}.{ending}.log"),
    wildcard_constraints:
        artefact=rf"{names.TABLE}|{names.FIGURE}(?=\.p)",  # of a figure the .png and .pdf alone
        ending="png|pdf|csv|md|tex",
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
    shell:
        "repro collect {params.common} --only {wildcards.paper}/{wildcards.artefact} > {log:q} 2>&1"


# The same by a short name: `snakemake --cores all dat_table4`.
for _paper, _sheet in PLAN.config.sheets.items():
    for _artefact in _sheet.artefacts:

        rule:
            name:
                f"{_paper}_{_artefact}"
            input:
                f"figures/{_paper}/{_artefact}.png",
