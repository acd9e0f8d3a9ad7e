"""Checkpoints are measured, several in one process."""


rule evaluate:
    input:
        needs_of_evaluation,
        data_of_evaluation,
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
        gpu=GPUS,
        mem_mb=memory_of(FORECAST.evaluation, "batch"),
        runtime=minutes_of(FORECAST.evaluation, 720),
    params:
        common=COMMON,
        data=evaluation_options,
        members=evaluations_of,
    shell:
        "repro evaluate {params.common} {params.data} --batch {wildcards.batch} > {log:q} 2>&1"
