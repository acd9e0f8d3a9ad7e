"""Checkpoints are measured, several in one process."""


rule evaluate:
    input:
        needs_of("evaluate"),
        data_of("evaluate"),
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
        data=given("data_root", "inception"),
        members=members_of("evaluate"),
    shell:
        "repro evaluate {params.common} {params.data} --batch {wildcards.batch} > {log:q} 2>&1"
