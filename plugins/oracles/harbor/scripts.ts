import { shellWord } from './texts.js';

/** Where the box of the agent leaves its diff, and the box of the verifier finds it: the folder that Harbor hands on by itself. */
const HANDED_ON = '/logs/artifacts';
const PATCH = `${HANDED_ON}/assay.patch`;
/** Stands beside it where git can't make a diff of what the agent left. */
const NO_PATCH = `${HANDED_ON}/assay.no-patch`;

/** Most seconds that the tests of a task may take where it grades itself; `assay eval` has the same. */
const TEST_SECONDS = 1800;
/** Most seconds of one request; a service that is asked again attaches to the grading that runs. */
const REQUEST_SECONDS = 3000;
const TRIES = 8;
const PAUSE_SECONDS = 15;

/** The author of the commit that every engine makes of a bundled tree. */
const IDENTITY = ['AUTHOR', 'COMMITTER']
  .flatMap((who) => [`${who}_NAME=assay`, `${who}_EMAIL=assay@localhost`, `${who}_DATE=2020-01-01T00:00:00Z`])
  .map((setting) => `GIT_${setting}`)
  .join(' ');

interface Box {
  readonly workdir: string;
}

/** The tree that a box begins with; a reference, so that nothing prunes it. */
const BASE = 'refs/assay/base';

// An index of its own: what the agent has staged stays as it is.
const INDEX = 'export GIT_INDEX_FILE="$(git rev-parse --absolute-git-dir)/assay.index"';

function enter(workdir: string): string {
  return `cd ${shellWord(workdir)} && git() { command git -c safe.directory='*' "$@"; } && ${INDEX}`;
}

/** The tree of a bundled repository, as the commit that its rows name. */
export function bundledDockerfile(options: Box & { readonly base: string; readonly commit: string }): string {
  const { base, workdir, commit } = options;
  const git = 'git -c core.autocrlf=false';
  return `FROM ${base}
COPY tree ${workdir}
WORKDIR ${workdir}
RUN git init --quiet --initial-branch=main --object-format=sha1 && ${git} add --all --force && \\
    ${IDENTITY} \\
    ${git} commit --quiet --message Base && test "$(git rev-parse HEAD)" = ${shellWord(commit)}
${remember(workdir)}`;
}

/** An image that holds the tree. */
export function imageDockerfile({ image, workdir }: Box & { readonly image: string }): string {
  return `FROM ${image}
WORKDIR ${workdir}
${remember(workdir)}`;
}

/** Images may hold more than the base commit: a diff against what the box begins with is one that applies to its like. */
function remember(workdir: string): string {
  return `RUN ${enter(workdir)} && \\
    git read-tree HEAD && git add --all && git update-ref ${BASE} "$(git write-tree)"
`;
}

/**
 * Run in the agent's box when it is done. What git can't read there is the agent's work, so that breaking the repository is no way
 * out of a verdict.
 */
export function collectCommand({ workdir }: Box): string {
  const lines = [
    `mkdir -p ${HANDED_ON}`,
    `rm -rf ${PATCH} ${NO_PATCH}`,
    `diff() { ${enter(workdir)} && git read-tree ${BASE} && git add --all && git diff-index --cached --patch --binary --full-index --no-renames --no-ext-diff --no-textconv ${BASE}; }`,
    `( diff ) >${PATCH}.part && mv ${PATCH}.part ${PATCH} || : >${NO_PATCH}`,
  ];
  return lines.join('; ');
}

/** The gold patch, for Harbor's oracle agent. */
export function solveScript({ workdir }: Box): string {
  return `#!/bin/bash
set -u
gold=$(cd "$(dirname "$0")" && pwd)/gold.patch
cd ${shellWord(workdir)} || exit 1
git apply --verbose "$gold" || patch --batch --forward --fuzz=5 -p1 -i "$gold"
`;
}

interface TestScriptOptions extends Box {
  readonly instanceId: string;
  /** The task holds `eval.sh` and a grader, and its box has node. */
  readonly gradesItself: boolean;
}

/** The verifier: one patch to a reward file, or none. */
export function testScript(options: TestScriptOptions): string {
  return `#!/bin/bash
# Writes the reward of one patch. No reward file: no verdict, because a machine failed and not the patch.
set -u
logs=/logs/verifier
patch=${PATCH}
work=$(mktemp -d) && mkdir -p "$logs" && rm -f "$logs/reward.json" "$logs/reward.txt" || exit 1

no_verdict() {
  echo "assay: no verdict: $*" >&2
  exit 1
}
reward() {
  printf '{"reward": %s}\\n' "$1" >"$logs/reward.json.part" && mv "$logs/reward.json.part" "$logs/reward.json" ||
    no_verdict "$logs can't be written"
  echo "assay: reward $1: $2"
  exit 0
}

[ -f "$patch" ] || [ -f ${NO_PATCH} ] ||
  no_verdict "the agent's box left no diff in ${HANDED_ON}; this task needs a Harbor with separate verifiers and collect hooks (0.24 has them)"
${options.gradesItself ? `if [ -z "\${ASSAY_URL:-}" ]; then\n${gradeHere(options)}fi\n` : NEEDS_SERVICE}
${askService(options)}`;
}

const NEEDS_SERVICE = `[ -n "\${ASSAY_URL:-}" ] ||
  no_verdict "this instance can't be graded without a service; set ASSAY_URL to one that its box reaches (assay serve), and ASSAY_TOKEN"
`;

function gradeHere({ workdir }: Box): string {
  return `  tests=$(cd "$(dirname "$0")" && pwd)
  [ -f "$patch" ] || reward 0 "git can't make a diff of what the agent left"
  [ -s "$patch" ] || reward 0 "nothing was changed"
  for tool in git node timeout; do
    command -v "$tool" >/dev/null || no_verdict "the box has no $tool"
  done
  cd ${shellWord(workdir)} || no_verdict "the box has no tree"
  git apply --verbose "$patch" || reward 0 "the patch doesn't apply"
  timeout --kill-after=10 ${TEST_SECONDS} bash "$tests/eval.sh" >"$logs/eval.log" 2>&1
  case $? in 124 | 137) reward 0 "the tests did not finish in ${TEST_SECONDS} seconds" ;; esac
  graded=$(node "$tests/grader/grade.js" "$logs/eval.log") || no_verdict "the log can't be graded"
  reward "$graded" "by this task's own tests; $logs/eval.log is their log"
`;
}

function askService({ instanceId }: TestScriptOptions): string {
  const opening = JSON.stringify({ instance_id: instanceId }).replace(/\}$/, ',"patch":');
  return `# Any bytes as JSON text, by tools that every box has.
json_text() {
  od -An -v -tu1 "$1" | LC_ALL=C awk '
    BEGIN { for (i = 0; i < 256; i++) text[i] = i < 32 || i == 34 || i == 92 ? sprintf("\\\\u%04x", i) : sprintf("%c", i) }
    { for (i = 1; i <= NF; i++) printf "%s", text[$i] }'
}
{
  printf '%s' ${shellWord(opening)}
  if [ -f "$patch" ]; then
    printf '"' && json_text "$patch" && printf '"'
  else
    printf null
  fi
  printf '}'
} >"$work/request" || no_verdict "the request can't be written"

# Prints the HTTP status, 000 where there is none.
post() {
  if command -v curl >/dev/null; then
    curl -sS -o "$work/answer" -w '%{http_code}' --max-time ${REQUEST_SECONDS} -H 'Content-Type: application/json' \\
      \${ASSAY_TOKEN:+-H "Authorization: Bearer $ASSAY_TOKEN"} --data-binary @"$work/request" "$1"
  else
    python3 -I - "$1" "$work" "\${ASSAY_TOKEN:-}" <<'PYTHON'
import sys, urllib.error, urllib.request
url, work, token = sys.argv[1:]
headers = {"Content-Type": "application/json"}
if token:
    headers["Authorization"] = "Bearer " + token
asked = urllib.request.Request(url, open(work + "/request", "rb").read(), headers)
try:
    try:
        answer = urllib.request.urlopen(asked, timeout=${REQUEST_SECONDS})
    except urllib.error.HTTPError as error:
        answer = error
    open(work + "/answer", "wb").write(answer.read())
    print(answer.status if hasattr(answer, "status") else answer.code, end="")
except OSError as error:
    print(error, file=sys.stderr)
    print("000", end="")
PYTHON
  fi
}
command -v curl >/dev/null || command -v python3 >/dev/null || no_verdict "the box has neither curl nor python3"
for try in $(seq ${TRIES}); do
  [ "$try" = 1 ] || sleep ${PAUSE_SECONDS}
  : >"$work/answer"
  status=$(post "\${ASSAY_URL%/}/v1/score")
  case $status in 408 | 425 | 429 | 5?? | 000) ;; *) break ;; esac
done
# Only the beginning of the answer: what follows may quote the patch.
found=$(LC_ALL=C sed -nE '1s/^\\{"status":"scored","reward":(-?[0-9]+(\\.[0-9]+)?(e-?[0-9]+)?),.*$/\\1/p' "$work/answer")
[ "$status" = 200 ] && [ -n "$found" ] ||
  no_verdict "$ASSAY_URL answered $status after $try requests: $(head -c 2000 "$work/answer")"
reward "$found" "by $ASSAY_URL"
`;
}
