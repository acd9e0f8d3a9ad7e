"""Which images the data root holds; what was trained or measured on others is done anew."""


checkpoint data_set:
    input:
        needs_of_data_set,
    output:
        record=results("data/{dataset}.json"),
        state=results("data/{dataset}.state"),
    log:
        results("logs/data/{dataset}.log"),
    conda:
        "../../environment.yml"
    threads: 8  # pictures are decoded on all cores that a job has
    resources:
        mem_mb=memory_of(FORECAST.reading, "dataset"),
        runtime=lambda wildcards, attempt: attempt * 720,
    params:
        common=COMMON,
        data=given("data_root"),
    shell:
        "repro data record {params.common} {params.data} {wildcards.dataset} > {log:q} 2>&1"
