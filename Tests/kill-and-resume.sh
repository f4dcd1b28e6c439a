#!/usr/bin/env bash
# Shows that `kill -9` costs a run nothing but time: trains once without a fault, once killed at ten random
# moments and resumed after each, and compares the two loss curves to the last digit.
#
#   Tests/kill-and-resume.sh [FOLDER [STEPS [SEED]]]
#
# FOLDER holds pictures (default: data/demo/images/train), STEPS is 300, SEED fixes the moments. Takes some
# minutes. Prints the result; exits 0 where the curves are the same and the run was killed ten times.
# JEPA=/path/to/jepa takes another binary than scripts/jepa's.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pictures=${1:-$root/data/demo/images/train}
steps=${2:-300}
RANDOM=${3:-1}
kills=10

if [ -z "${JEPA:-}" ]; then
  "$root/scripts/jepa" --version >/dev/null
  JEPA=$root/.build/release/jepa
fi
work=$(mktemp -d)
child=
# Only the process that this script started.
trap '[ -z "$child" ] || kill -9 "$child" 2>/dev/null || true; rm -rf "$work"' EXIT

train() { # RUN [ARGUMENT…]
  local run=$1
  shift
  exec "$JEPA" train images "$pictures" --output "$work/$run" --steps "$steps" --threads 1 --set imageSize=32 \
    --set batchSize=16 --set encoder.preset=conv-micro --set logEverySteps=1 --set checkpoint.everySteps=7 "$@"
}

lines() { if [ -f "$work/$1/metrics.jsonl" ]; then wc -l <"$work/$1/metrics.jsonl"; else echo 0; fi; }

# Everything but the seconds, which no two runs share.
curve() { sed -E 's/"seconds":[^,]*,//' "$work/$1/metrics.jsonl"; }

echo "training $steps steps without a fault"
(train whole) 2>"$work/whole.log" || { tail -n 1 "$work/whole.log" >&2; exit 1; }

killed=0
resume=()
for session in $(seq 1 $kills); do
  (train killed "${resume[@]}") 2>"$work/killed.log" &
  child=$!
  # Into this session's tenth of the run, and from there any moment of a step or of a save.
  goal=$(((session - 1) * steps / (kills + 1) + RANDOM % (steps / (kills + 1)) + 1))
  while kill -0 "$child" 2>/dev/null && [ "$(lines killed)" -lt "$goal" ]; do sleep 0.01; done
  sleep "0.$(printf %03d $((RANDOM % 150)))"
  if kill -9 "$child" 2>/dev/null; then killed=$((killed + 1)); fi
  status=0
  wait "$child" 2>/dev/null || status=$?
  child=
  if [ "$status" -ne 137 ]; then
    echo "session $session ended by itself with status $status: $(tail -n 1 "$work/killed.log")" >&2
    exit 1
  fi
  echo "kill $session: at step $(lines killed), last checkpoint $(readlink "$work/killed/latest" || echo none)"
  # Killed before there was a run, there is none to resume.
  if [ -f "$work/killed/config.yaml" ]; then resume=(--resume); fi
done
(train killed "${resume[@]}") 2>"$work/killed.log" || { tail -n 1 "$work/killed.log" >&2; exit 1; }

if ! diff <(curve whole) <(curve killed) >"$work/difference"; then
  echo "DIFFERENT: the curves part at" >&2
  head -n 4 "$work/difference" >&2
  exit 1
fi
if ! cmp -s "$work/whole/latest/model.safetensors" "$work/killed/latest/model.safetensors"; then
  echo "DIFFERENT: the curves are the same, the weights are not" >&2
  exit 1
fi
echo "SAME: $(lines killed) steps, killed $killed times, every loss and every weight equal to the last digit"
