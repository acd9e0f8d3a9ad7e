"""Sheets are validated, then runs are trained, several in one process."""


rule validate:
    input:
        Path("config/config.yaml"),
        Path(f"config/profiles/{PROFILE}.yaml"),
        *sorted(Path("config/sheets").glob("*.yaml")),
    output:
        results("validated.txt"),
    log:
        results("logs/validate.log"),
    conda:
        "../../environment.yml"
    params:
        common=COMMON,
    shell:
        "repro validate {params.common} > {output} 2> {log}"


rule train:
    input:
        needs_of_training,
        valid=ancient(results("validated.txt")),
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
        gpu=1,
        mem_mb=4096,
    params:
        common=COMMON,
        members=runs_of,
    shell:
        "repro train {params.common} --batch {wildcards.batch} > {log} 2>&1"
