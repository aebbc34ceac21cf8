#!/bin/sh
# One worker that a cluster manager has started:
#     launchers/worker.sh kubernetes|slurm RUN ARGUMENT ...
# trains in the folder RUN and ends with 0 only where the run is finished: the
# manager may then start again what it has stopped. SIGTERM saves first.
cd "$(dirname "$0")/.." || exit 1
TF_CONFIG=$(python -m launchers.tf_config "$1") || exit 1
export TF_CONFIG
run=$2
shift 2
python main.py --mode=train --run="$run" "$@" &
worker=$!
trap 'kill -TERM $worker' TERM INT
wait $worker
code=$?
while [ $code -gt 128 ]; do # perhaps the signal ended `wait`, not the worker
  wait $worker
  again=$?
  [ $again -eq 127 ] && break # it had ended
  [ $again -eq $code ] && ! kill -0 $worker 2>/dev/null && break
  code=$again
done
[ $code -eq 0 ] || exit $code
# Worker 0 writes it when training and its test are over; what only evaluates a
# run does not.
[ -f "$run/finished.json" ] || {
  echo "worker.sh: stopped before its end, all of it saved" >&2
  exit 75
}
