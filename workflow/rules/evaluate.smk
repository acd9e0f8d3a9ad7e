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
    params:
        members=lambda wildcards: BATCHES.evaluate[wildcards.batch].members,
    threads: THREADS
    resources:
        gpu=1,
        mem_mb=4096,
    shell:
        "repro evaluate {COMMON} --batch {wildcards.batch} > {log} 2>&1"
