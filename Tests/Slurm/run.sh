#!/usr/bin/env bash
# A matrix of four runs on a real Slurm on this machine: one task is cancelled, one worker is killed on its node, one
# task is told to leave, and in the end every run is done; then one run over two processes, where mpirun is. Installs
# slurm-wlm and munge where they are missing.
#
# Usage: Tests/Slurm/run.sh PROGRAM
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:?usage: Tests/Slurm/run.sh PROGRAM}
spec=Tests/Slurm/matrix.spec

say() { printf 'slurm test: %s\n' "$*" >&2; }
if ! scripts/setup.sh --slurm; then
    say "SKIPPED: Slurm is not installed and cannot be installed here (see the message above)"
    exit 0
fi

folder=$(mktemp -d /tmp/cjepa-slurm-XXXXXX)
cluster=$folder/cluster
. Tests/Slurm/cluster.sh
cleanup() {
    local status=$?
    if [ "$status" -ne 0 ]; then
        say "failed; what there was to see:"
        "$program" status matrix --results "$folder/results" >&2 || true
        squeue --states=all --array >&2 || true
        tail -n 30 "$folder"/results/matrix/slurm/*.log "$folder"/cluster/log/* >&2 || true
    fi
    stop_cluster
    rm -rf "$folder"
    exit "$status"
}
trap cleanup EXIT

fail() {
    say "FAILED: $*"
    exit 1
}

# json EXPRESSION: evaluates Python over the JSON object `d` of standard input.
json() { /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
submit() { "$program" run "$spec" --results "$folder/results" --launcher slurm --cpus 1 --memory 500M --notice 30 "$@"; }
status() { "$program" status matrix --results "$folder/results" --json; }
field() { status | json "[r for r in d['runs'] if r['name'] == '$1'][0].get('$2')"; }
task() { status | json "[r for r in d['runs'] if r['name'] == '$1'][0]['task']['job']"; }

# until_true WHAT COMMAND…: waits for at most two minutes.
until_true() {
    local what=$1
    shift
    for _ in {1..600}; do
        if "$@"; then return 0; fi
        sleep 0.2
    done
    fail "waited in vain until $what"
}
is_training() { [ "$(field "$1" status)" = running ] && [ "$(field "$1" step)" -gt 50 ]; }
is_at_rest() { status | json "any(r['status'] in ('queued', 'running') for r in d['runs'])" | grep -qx False; }

say "starting a cluster of one node"
start_cluster "$cluster" 5

submit --dry-run >"$folder/script"
grep -q '^#SBATCH --array=0-4$' "$folder/script" || fail "the dry run shows no array of four runs and the floors"
[ ! -e "$folder/results" ] || fail "a dry run wrote something"

job=$(submit --json | json "d['arrays'][0]['job']")
say "submitted as job $job"
[ "$(submit --json | json "d['arrays']")" = "[]" ] || fail "what is in the queue was submitted twice"

say "cancelling ijepa-s0, killing the worker of ijepa-s1, telling cjepa-s0 to leave"
until_true "ijepa-s0 trains" is_training ijepa-s0
scancel "$(task ijepa-s0)"
until_true "ijepa-s1 trains" is_training ijepa-s1
kill -KILL "$(field ijepa-s1 pid)"
until_true "cjepa-s0 trains" is_training cjepa-s0
scancel --signal=USR1 --batch "$(task cjepa-s0)"

# Ends when nothing runs and nothing waits.
"$program" status matrix --results "$folder/results" --watch --interval 1 >"$folder/watched"
until_true "the queue is empty" is_at_rest
[ "$(field ijepa-s0 status)" = interrupted ] || fail "the cancelled run is $(field ijepa-s0 status)"
for run in ijepa-s1 cjepa-s0 cjepa-s1; do
    [ "$(field "$run" status)" = done ] || fail "$run is $(field "$run" status): $(field "$run" reason)"
done
[ "$(field ijepa-s1 attempts)" -eq 2 ] || fail "the killed worker was started $(field ijepa-s1 attempts) times"
[ "$(field cjepa-s0 attempts)" -eq 2 ] || fail "the task that was told to leave was started $(field cjepa-s0 attempts) times"
grep -q "will resume: requeued" "$folder"/results/matrix/slurm/*.log || fail "nothing was put back"
grep -q "was cancelled" "$folder"/results/matrix/slurm/*.log || fail "the cancelled task does not say so"

say "submitting again: only the cancelled run"
again=$(submit --json)
[ "$(json "d['arrays'][0]['tasks']" <<<"$again")" = "['ijepa-s0']" ] || fail "submitted: $again"
until_true "everything is done" is_at_rest
"$program" status matrix --results "$folder/results" --watch --interval 1 >"$folder/watched"
[ "$(status | json "d['counts']")" = "{'done': 4}" ] || fail "$("$program" status matrix --results "$folder/results")"
[ "$(submit --json | json "d['arrays']")" = "[]" ] || fail "there is something left to submit"

say "every step once, and a table"
/usr/bin/python3 - "$folder"/results/matrix/*/run.h5 <<'PYTHON' || fail "steps are missing or there twice"
import h5py, sys
files = sys.argv[1:]
assert len(files) == 4, files
for path in files:
    with h5py.File(path) as file:
        assert file["steps/step"][:].tolist() == list(range(1, 1501)), path
PYTHON
# Not piped: grep leaves at the first match, and the program would find its output closed.
"$program" table matrix --results "$folder/results" >"$folder/table"
grep -q "raw pixels" "$folder/table" || fail "the table lacks the floors"

# once FOLDER OPTION…: a short run of eight shards.
once() {
    "$program" run "$spec" --results "$folder/$1" --only cjepa-s0 --set training.steps=60 \
        --set resources.shards=8 "${@:2}" >/dev/null
}
ranked_is_done() {
    "$program" status matrix --results "$folder/ranks" --json | json "d['counts']" | grep -qx "{'done': 1}"
}
if command -v mpirun >/dev/null; then
    say "one run over two processes of a task: what one process computes"
    once alone
    once ranks --launcher slurm --cpus 2 --memory 2G --set resources.ranks=2
    until_true "the run of two processes is done" ranked_is_done
    /usr/bin/python3 - "$folder"/{alone,ranks}/matrix/cjepa-s0-*/run.h5 <<'PYTHON' || fail "two processes differ from one"
import h5py, sys
alone, ranks = (h5py.File(path) for path in sys.argv[1:])
assert ranks["provenance"].attrs["ranks"] == 2 and alone["provenance"].attrs["ranks"] == 1
for column in ("loss", "gradient_norm", "vicreg_variance"):
    values = alone["steps"][column][:].tolist()
    assert len(values) == 60 and values == ranks["steps"][column][:].tolist(), column
PYTHON
else
    say "not tried over several processes: there is no mpirun"
fi
say "passed"
