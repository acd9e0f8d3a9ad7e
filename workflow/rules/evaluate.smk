"""Checkpoints are measured, several in one process."""


rule evaluate:
    input:
        needs_of_evaluation,
    output:
        results("batches/evaluate/{batch}.json"),
    log:
        results("logs/evaluate/{batch}.log"),
    benchmark:
        results("benchmarks/evaluate/{batch}.tsv")
    conda:
        "../../environment.yml"
    threads: THREADS
    resources:
        gpu=1,
        mem_mb=4096,
    params:
        common=COMMON,
        members=evaluations_of,
    shell:
        "repro evaluate {params.common} --batch {wildcards.batch} > {log} 2>&1"
