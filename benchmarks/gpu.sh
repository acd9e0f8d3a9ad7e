#!/usr/bin/env bash
# The checks that need a CUDA device: the tests marked `cuda`, then attacks against other libraries' (where installed:
# the extra 'peers'), the attacks' kernels alone, training steps at the papers' width in each format, and those of SNGAN
# and DAT against a plain eager loop.
# Use: PYTHON=python3 benchmarks/gpu.sh FOLDER
set -euo pipefail
out=$(realpath -m "${1:?usage: benchmarks/gpu.sh FOLDER}")
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"

"$python" - <<'EOF'
import sys
import torch
if not torch.cuda.is_available():
    build = torch.version.cuda or "none, this is the CPU build"
    sys.exit(f"error: no CUDA device here (torch {torch.__version__}, CUDA {build}); nothing was tested or timed")
print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
EOF

mkdir -p "$out"
"$python" -m pytest tests -m cuda -rs -v 2>&1 | tee "$out/cuda-tests.log"
for precision in float32 tf32; do
  "$python" -m pytest benchmarks/test_attacks.py benchmarks/test_kernels.py --benchmark-enable --benchmark-only \
    --benchmark-json="$out/attacks-$precision.json" --device cuda --width 1 --batch 128 --precision "$precision" \
    2>&1 | tee "$out/attacks-$precision.log"
  "$python" benchmarks/publish.py "$out/attacks-$precision.json" "$out/published"
done
for precision in float32 tf32 bf16; do
  "$python" -m pytest benchmarks/test_training_steps.py --benchmark-enable --benchmark-only \
    --benchmark-json="$out/steps-$precision.json" --device cuda --width 1 --precision "$precision" \
    2>&1 | tee "$out/steps-$precision.log"
  "$python" benchmarks/publish.py "$out/steps-$precision.json" "$out/published"
  "$python" -m pytest benchmarks/test_gan_loops.py --benchmark-enable --benchmark-only \
    --benchmark-json="$out/loops-$precision.json" --device cuda --width 1 --workers 8 --precision "$precision" \
    2>&1 | tee "$out/loops-$precision.log"
  "$python" benchmarks/publish.py "$out/loops-$precision.json" "$out/published"
done
