"""Runs are trained, several in one process."""


rule train:
    input:
        needs_of_training,
        data_of_training,
    output:
        results("batches/train/{batch}.json"),
    log:
        results("logs/train/{batch}.log"),
    benchmark:
        results("benchmarks/train/{batch}.tsv")
    conda:
        "../../environment.yml"
    threads: THREADS
    resources:
        gpu=GPUS,
        mem_mb=memory_of_training,
        runtime=minutes_of_training,
    params:
        common=COMMON,
        data=data_options,
        members=runs_of,
    shell:
        "repro train {params.common} {params.data} --batch {wildcards.batch} > {log:q} 2>&1"
