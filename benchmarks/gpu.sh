#!/usr/bin/env bash
# What a GPU's first minutes are for, in order of weight: do kernels, graphs and methods compute what they compute on a
# CPU; kernels against a copy of memory; whole PGD against other libraries; SNGAN-32 against a plain eager loop; 50 seeds
# as one batch; an epoch of adversarial training with PGD-7. These end within 8 minutes. What comes after (other networks,
# methods and formats, power iterations) is begun until GPU_SECONDS have passed.
# Each step has a limit of its own, leaves its log and its table when it ends, and keeps no other from running;
# FOLDER/steps.txt says what each took, or that it failed, ran out of time or was not begun.
# It needs python >= 3.11 with torch, torchvision, triton and pytest; what else is missing it names before anything runs,
# and takes from a folder of wheels (WHEELS), see gpu-wheels.txt.
# Use: PYTHON=python3 GPU_SECONDS=420 WHEELS=wheels benchmarks/gpu.sh FOLDER
# GPU_STEPS="cuda-tests kernels" does these alone, in the script's order; GPU_DRY_RUN=1 only prints the commands
set -euo pipefail
out=$(realpath -m "${1:?usage: benchmarks/gpu.sh FOLDER}")
wheels=${WHEELS:+$(realpath -m "$WHEELS")}
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
dry=${GPU_DRY_RUN:-}
limit=${GPU_SECONDS:-420}
asked=" ${GPU_STEPS:-} "
wrong=0
export PYTHONPATH="$PWD/src${wheels:+:$out/site}${PYTHONPATH:+:$PYTHONPATH}"

if [[ -n $wheels ]]; then
  mkdir -p "$out/site"
  for wheel in "$wheels"/*.whl; do "$python" -m zipfile -e "$wheel" "$out/site"; done
fi
"$python" - <<'EOF'
import sys
from importlib import import_module

modules = {
    "torch": "torch", "torchvision": "torchvision", "numpy": "numpy", "PIL": "pillow", "pytest": "pytest",
    "pytest_benchmark": "pytest-benchmark", "hypothesis": "hypothesis", "pydantic": "pydantic", "yaml": "pyyaml",
    "filelock": "filelock", "safetensors": "safetensors", "typer": "typer", "rich": "rich", "scipy": "scipy",
    "torchattacks": "torchattacks",
}
missing = []
for module, package in modules.items():
    try:
        if module == "torchvision":
            import_module("repro.core.vision")
        import_module(module)
    except ImportError as error:
        missing.append(f"{package} ({error})")
if missing:
    print("error: these packages are missing; nothing was tested or timed:", *missing, sep="\n  ", file=sys.stderr)
    sys.exit("benchmarks/gpu-wheels.txt says how to bring them: make gpu WHEELS=folder")
EOF
if [[ -z $dry ]]; then
  "$python" - <<'EOF'
import sys
import torch
if not torch.cuda.is_available():
    build = torch.version.cuda or "none, this is the CPU build"
    sys.exit(f"error: no CUDA device here (torch {torch.__version__}, CUDA {build}); nothing was tested or timed")
print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
EOF
  mkdir -p "$out" && : > "$out/steps.txt"
fi

say() { echo "$*" | tee -a "$out/steps.txt"; }

# step NAME SECONDS PYTEST-ARGUMENTS...: runs pytest for at most so long, says how it ended; 1 if it did not end well
step() {
  local name=$1 most=${GPU_STEP_SECONDS:-$2} started=$SECONDS ended=ended
  shift 2
  [[ -z ${GPU_STEPS:-} || " $GPU_STEPS " == *" $name "* ]] || return 1
  asked=${asked/ $name / }
  if [[ -n $dry ]]; then
    printf '%s:' "$name" && printf ' %q' "$@" && echo
    return
  fi
  if ((SECONDS >= limit)); then
    say "$name: not begun, $SECONDS s have passed (GPU_SECONDS=$limit)"
    wrong=1
    return 1
  fi
  timeout -k 5 "$most" "$python" -m pytest "$@" 2>&1 | tee "$out/$name.log" || ended=failed
  ((SECONDS - started < most)) || ended="out of time"
  say "$name: $ended after $((SECONDS - started)) s, $SECONDS s in all"
  [[ $ended == ended ]] || { wrong=1 && return 1; }
}

# bench NAME SECONDS ARGUMENTS...: times with pytest-benchmark and publishes the CSV of what was timed
bench() {
  local name=$1 most=$2
  shift 2
  step "$name" "$most" "$@" --benchmark-enable --benchmark-only --benchmark-json="$out/$name.json" --device cuda \
    --width 1 || true
  if [[ -s $out/$name.json ]]; then "$python" benchmarks/publish.py "$out/$name.json" "$out/published/$name" || wrong=1; fi
}

attacks() {
  local name=$1 precision=$2 most=$3
  shift 3
  bench "$name" "$most" benchmarks/test_attacks.py --precision "$precision" --batch 128 --budget 6 "$@"
}
own="preact_resnet18 or gat_classifier"

# Kernels run in test_kernels on the device at hand, whether a test is marked `cuda` or not.
step cuda-tests 120 tests/attacks/test_cuda.py tests/attacks/test_kernels.py tests/methods/test_update_graph.py \
  tests/train/test_device.py -k "not pretended and not papers" -rs -v || true
bench kernels 60 benchmarks/test_kernels.py
attacks attacks-float32 float32 60 -k "$own"
bench loops-float32 60 benchmarks/test_gan_loops.py --workers 8 --rounds 5
bench loops-tf32 45 benchmarks/test_gan_loops.py --precision tf32 --workers 8 --rounds 5
bench seeds 60 benchmarks/test_seed_batches.py --precision tf32 --seeds 50 --batch 64 --rounds 3
bench pgd7 60 benchmarks/test_pgd_epoch.py --precision tf32 --batch 128 --rounds 5

attacks attacks-others-float32 float32 60 -k "not ($own)"
attacks attacks-tf32 tf32 60
methods="gat.gat or robgan.cotrain or rgan.dcgan_both or dat.sngan or dat.dat_discriminator"
for precision in tf32 bf16; do
  bench "steps-$precision" 60 benchmarks/test_training_steps.py --precision "$precision" --rounds 3 -k "$methods"
done
for precision in float32 tf32 bf16; do
  bench "orders-$precision" 45 benchmarks/test_memory_orders.py --precision "$precision" --batch 128 --rounds 5
done
bench loops-bf16 45 benchmarks/test_gan_loops.py --precision bf16 --workers 8 --rounds 5
bench steps-float32 90 benchmarks/test_training_steps.py --rounds 3
asked=$(xargs <<< "$asked")
[[ -z $asked ]] || { echo "error: GPU_STEPS names no step of this script: $asked" >&2 && wrong=1; }
echo "done in $SECONDS s"
exit "$wrong"
