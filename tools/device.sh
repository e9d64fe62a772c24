#!/usr/bin/env bash
# Measure inference, then train networks from a list of recipes, on a machine with an accelerator.
#
#     tools/device.sh DIRECTORY [SECONDS] [RECIPE ...]
#
# It ends within SECONDS (570) and continues when it is called again with the same directory, which
# then holds a network for each recipe that was finished. Without an accelerator it runs on the
# processor, slowly. It needs JAX and the packages of the extra `simulation`.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1
end=$((SECONDS + ${2:-570}))
shift $(($# < 2 ? $# : 2))
# In order of worth: what helps most users first.
recipes=("$@")
if [ ${#recipes[@]} -eq 0 ]; then
    recipes=(crystal mx2-focal-series stem mx2-exit-wave metal-nanoparticle graphene)
fi
export KERAS_BACKEND=${KERAS_BACKEND:-jax} PYTHONPATH=$PWD PYTHONUNBUFFERED=1
python=${PYTHON:-python3}
mkdir -p "$directory"

# Once per directory: the network alone against a product of matrices, then lazy movies.
measure() {
    local name=$1
    shift
    [ -e "$directory/$name.txt" ] && return
    # What ran out of time is measured again by the next call. For timeout, 0 means no limit.
    [ $SECONDS -lt $end ] || return
    timeout $((end - SECONDS)) "$python" "$@" 2>&1 | tee "$directory/$name.part" || return
    mv "$directory/$name.part" "$directory/$name.txt"
}
for precision in float32 bfloat16; do
    # A measurement that fails does not stop the rest.
    measure "network-$precision" benchmarks/network.py --precision "$precision" || true
done
measure movies benchmarks/lazy_stack.py || true

for name in "${recipes[@]}"; do
    recipe=recipes/$name.yaml
    left=$((end - SECONDS))
    [ -e "$recipe" ] || continue
    # Less would go into compiling alone.
    [ $left -ge 60 ] || break
    # Each takes two fifths of what is left, so that the first gets the most and all get some.
    share=$((left * 2 / 5 > 60 ? left * 2 / 5 : left))
    minutes=$(awk "BEGIN {print 0.7 * $share / 60}")
    echo "== $name: $share s, $minutes minutes of training"
    "$python" tools/make.py "$recipe" "$directory/$name" --seconds "$share" --minutes "$minutes" ||
        echo "== $name: not finished, call again to continue"
done
