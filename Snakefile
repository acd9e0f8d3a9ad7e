"""The whole road: sheets -> runs -> checkpoints -> evaluations -> cells -> tables and plots -> figures/, report."""

from snakemake.utils import min_version

min_version("9.0")


include: "workflow/rules/common.smk"


onstart:
    validate()


wildcard_constraints:
    paper=names.PAPER,
    batch=r"[a-z0-9-]+",
    dataset=r"[\w-]+",


localrules:
    figures,
    search,
    single,


rule figures:
    input:
        report=results("report/index.html"),
        artefacts=needs_of_figures,
        cells=results("cells.csv"),
    output:
        directory("figures"),
    log:
        results("logs/figures.log"),
    conda:
        "environment.yml"
    params:
        common=COMMON,
    shell:
        "repro collect {params.common} --into {output:q} > {log:q} 2>&1"


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/artefacts.smk"
include: "workflow/rules/report.smk"
