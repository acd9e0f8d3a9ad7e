"""Runs are trained, several in one process."""


rule train:
    input:
        needs_of("train"),
        data_of("train"),
    output:
        results("batches/train/{batch}.json"),
    log:
        results("logs/train/{batch}.log"),
    benchmark:
        results("benchmarks/train/{batch}.tsv")
    conda:
        "../../environment.yml"
    threads: for_each_process(THREADS)
    resources:
        gpu=for_each_process(GPUS),
        mem_mb=memory_of(FORECAST.training, "batch"),
        runtime=minutes_of(FORECAST.training, 2880),
    params:
        common=COMMON,
        data=given("data_root"),
        members=members_of("train"),
    shell:
        "repro train {params.common} {params.data} --batch {wildcards.batch} > {log:q} 2>&1"
