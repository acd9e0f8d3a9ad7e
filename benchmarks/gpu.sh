#!/usr/bin/env bash
# The checks that need a CUDA device: the tests marked `cuda`, the attacks' kernels alone, attacks against other
# libraries' (where installed: the extra 'peers'), 50 seeds of each of GAT's methods as one batch against in turn,
# training steps at the papers' width, each paper's own method in every format, those of SNGAN and DAT against a plain
# eager loop, and power iterations together against one by one, in order of weight. Meant to end within 8 minutes: an
# attack's case gets few seconds, a training step few rounds, and no step begins after GPU_SECONDS. A step that fails
# does not keep the others from running. FOLDER/steps.txt says what each step took, or that it failed or was not begun.
# Use: PYTHON=python3 GPU_SECONDS=420 benchmarks/gpu.sh FOLDER      GPU_DRY_RUN=1 only prints the commands
set -euo pipefail
out=$(realpath -m "${1:?usage: benchmarks/gpu.sh FOLDER}")
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
dry=${GPU_DRY_RUN:-}
limit=${GPU_SECONDS:-420}
wrong=0
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"

if [[ -z $dry ]]; then
  "$python" - <<'EOF'
import sys
import torch
if not torch.cuda.is_available():
    build = torch.version.cuda or "none, this is the CPU build"
    sys.exit(f"error: no CUDA device here (torch {torch.__version__}, CUDA {build}); nothing was tested or timed")
print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
EOF
fi
[[ -n $dry ]] || { mkdir -p "$out" && : > "$out/steps.txt"; }

say() { echo "$*" | tee -a "$out/steps.txt"; }

# step NAME PYTEST-ARGUMENTS...: runs pytest, keeps its output in NAME.log, says how it ended; 1 if it did not end well
step() {
  local name=$1 started=$SECONDS ended=ended
  shift
  if [[ -n $dry ]]; then
    printf '%s:' "$name" && printf ' %q' "$@" && echo
    return
  fi
  if ((SECONDS >= limit)); then
    say "$name: not begun, $SECONDS s have passed (GPU_SECONDS=$limit)"
    wrong=1
    return 1
  fi
  "$python" -m pytest "$@" 2>&1 | tee "$out/$name.log" || ended=failed
  say "$name: $ended after $((SECONDS - started)) s, $SECONDS s in all"
  [[ $ended == ended ]] || { wrong=1 && return 1; }
}

# bench NAME ARGUMENTS...: times with pytest-benchmark and publishes the CSV of what was timed
bench() {
  local name=$1
  shift
  step "$name" "$@" --benchmark-enable --benchmark-only --benchmark-json="$out/$name.json" --device cuda --width 1 || true
  if [[ -s $out/$name.json ]]; then "$python" benchmarks/publish.py "$out/$name.json" "$out/published"; fi
}

step cuda-tests tests -m cuda -rs -v || true
bench kernels benchmarks/test_kernels.py
for precision in float32 tf32; do
  bench "attacks-$precision" benchmarks/test_attacks.py --precision "$precision" --batch 128 --budget 6
done
bench seeds benchmarks/test_seed_batches.py --precision tf32 --seeds 50 --batch 64 --rounds 3
bench steps-float32 benchmarks/test_training_steps.py --rounds 3
own="gat.gat or robgan.cotrain or rgan.dcgan_both or dat.sngan or dat.dat_discriminator"
for precision in tf32 bf16; do
  bench "steps-$precision" benchmarks/test_training_steps.py --precision "$precision" --rounds 3 -k "$own"
done
for precision in float32 tf32 bf16; do
  bench "loops-$precision" benchmarks/test_gan_loops.py --precision "$precision" --workers 8 --rounds 5
done
bench spectral-norm benchmarks/test_spectral_norm.py --batch 64 --rounds 5
echo "done in $SECONDS s"
exit "$wrong"
