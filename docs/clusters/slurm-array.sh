#!/bin/bash
# One run over many hosts as a Slurm job array, and a job that merges its shards; docs/clusters.md explains it.
#     bash slurm-array.sh submit
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=5G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

# Edit these, or set them in the environment of `submit`. The paths are on a file system that all nodes share.
export DATASET="${DATASET:-$PWD/verified.parquet}"
export PREDICTIONS="${PREDICTIONS:-$PWD/preds.jsonl}"
export FLAGS="${FLAGS:-}"
export RUN="${RUN:-$PWD/runs/verified}"
export SHARDS="${SHARDS:-16}"
export ASSAY="${ASSAY:-assay}"
# On each node's own disk.
export ASSAY_CACHE="${NODE_CACHE:-/tmp/assay-$(id -un)}"

shard_folder() { echo "$RUN.shards/$1-of-$SHARDS"; }

# ASSAY and FLAGS are lists of words.
# shellcheck disable=SC2086
case "${1:-}" in
  submit)
    mkdir -p "$RUN.shards"
    array=$(sbatch --parsable --export=ALL --job-name=assay --array="1-$SHARDS" \
      --output="$RUN.shards/%a.log" "$0" shard)
    # afterany: it merges what there is and says what is missing.
    merge=$(sbatch --parsable --export=ALL --job-name=assay-merge --dependency="afterany:${array%%;*}" \
      --cpus-per-task=1 --output="$RUN.shards/merge.log" "$0" merge)
    echo "array ${array%%;*}, then merge ${merge%%;*}; their output is in $RUN.shards"
    ;;
  shard)
    folder=$(shard_folder "$SLURM_ARRAY_TASK_ID")
    # Slurm has ended the first process of a task that it starts again; of one on another node assay can't know.
    if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then rm -f "$folder/lock"; fi
    # exec: the signals of Slurm reach assay. --cpus belongs to the run, and is the same on all nodes.
    exec $ASSAY eval "$DATASET" -p "$PREDICTIONS" --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" -o "$folder" \
      -j "${SLURM_CPUS_PER_TASK:-1}" --cpus 1 $FLAGS
    ;;
  merge)
    folders=()
    for ((i = 1; i <= SHARDS; i++)); do
      if [ -e "$(shard_folder "$i")/run.json" ]; then folders+=("$(shard_folder "$i")"); fi
    done
    # An earlier merge is made again; the shards are the originals.
    if [ -e "$RUN" ]; then mv "$RUN" "$RUN.before-$(date +%Y%m%dT%H%M%S)"; fi
    exec $ASSAY merge "${folders[@]}" -o "$RUN"
    ;;
  *)
    echo "usage: bash slurm-array.sh submit" >&2
    exit 2
    ;;
esac
