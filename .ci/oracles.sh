#!/usr/bin/env bash
# The examples of plugins/oracles with the frameworks themselves, on CPU: against a service that plays every answer, and then, where
# the project is built, against `assay serve sample`. Needs python3 and about 8 GB in the temporary folder, for torch; NeMo Gym
# needs Python 3.12 or newer as well: PYTHON312.
set -euo pipefail
cd "$(dirname "$0")/../plugins/oracles"
work=$(mktemp -d)
services=()
finish() {
  for service in "${services[@]}"; do kill "$service" 2>/dev/null && wait "$service" || true; done
  rm -rf "$work"
}
trap finish EXIT
export PYTHONPYCACHEPREFIX="$work/bytecode" HF_HUB_OFFLINE=1 UV_CACHE_DIR="$work/cache" UV_LINK_MODE=hardlink
python312=${PYTHON312:-python3.12}
passed=0
# Building a package leaves files beside its source.
cp -r python "$work/package"

python3 -m venv "$work/uv"
"$work/uv/bin/pip" install -q 'uv==0.13.9'
environment() { # name, interpreter, requirements...
  local name=$1 interpreter=$2
  shift 2
  "$work/uv/bin/uv" venv -q -p "$interpreter" "$work/$name"
  "$work/uv/bin/uv" pip install -q -p "$work/$name/bin/python" "$@" "$work/package"
  printf '%s s  installed %s\n' "$SECONDS" "$*"
}
example() { # environment, file
  printf '\n--- %s\n' "$2"
  "$work/$1/bin/python" "examples/$2" 2>"$work/errors" || { cat "$work/errors"; exit 1; }
  passed=$((passed + 1))
  printf '%s s\n' "$SECONDS"
}

python3 python/tests/fake_service.py 0 >"$work/url" &
services+=($!)
until [ -s "$work/url" ]; do sleep 0.1; done
ASSAY_URL=$(cat "$work/url")
export ASSAY_URL

environment verifiers python3 'verifiers==0.4.0'
example verifiers verifiers_task.py
environment openenv python3 'openenv-core==0.3.0'
example openenv openenv_app.py
# cachetools, uvicorn and fastapi: verl's agent loops import them, and its metadata doesn't say so.
environment torch python3 'torch==2.15.0' 'trl==1.16.0' 'verl==0.9.1' cachetools uvicorn fastapi
# Without its dependencies: deepspeed and vLLM have no part in how it asks for rewards.
"$work/uv/bin/uv" pip install -q -p "$work/torch/bin/python" --no-deps 'openrlhf==0.11.2'
example torch trl_grpo.py
example torch verl_reward.py
example torch openrlhf_remote.py
if "$python312" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
  environment nemo "$python312" 'nemo-gym==0.4.0'
  example nemo nemo_gym_server.py
else
  printf '\nLeft out: NeMo Gym, for want of a Python 3.12; set PYTHON312.\n'
fi

main=../../dist/src/cli/main.js
if node "$main" serve --help >/dev/null 2>&1; then
  printf '\nAgainst assay serve:\n'
  ASSAY_CACHE="$work/assay" node "$main" serve sample --engine local --port 0 --state "$work/state" 2>"$work/serve.log" &
  services+=($!)
  for _ in $(seq 300); do
    ASSAY_URL=$(sed -n 's/^.* instances at \(http:[^,]*\),.*$/\1/p' "$work/serve.log")
    [ -z "$ASSAY_URL" ] || break
    sleep 0.2
  done
  [ -n "$ASSAY_URL" ] || { cat "$work/serve.log"; exit 1; }
  export ASSAY_CASES="$work/cases.json"
  python3 examples/sample_cases.py >"$ASSAY_CASES"
  example verifiers verifiers_task.py
  example torch verl_reward.py
else
  printf '\nLeft out: assay serve, which is not built; npm run build.\n'
fi
printf '\nexamples: %s passed, 0 failed\n' "$passed"
