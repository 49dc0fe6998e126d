import type { ImageRecipe } from '../model/eval-spec.js';
import { CONDA, ENVIRONMENT, OFFLINE_PIP, WHEELS } from './shim.js';

/** Folder of the context files inside the throw-away stage that installs packages. */
const FETCH = '/tmp/fetch';

interface EnvironmentOptions {
  readonly base: string;
  readonly systemPackages: readonly string[];
  /** False for images without Python: then there is nothing to install but the system packages. */
  readonly python: boolean;
}

/**
 * Dockerfile of an environment. Packages are installed in a stage of their own, so that certificates and caches stay out of the image.
 */
export function environmentDockerfile({ base, systemPackages, python }: EnvironmentOptions): string {
  const apt = `apt-get update && apt-get install -y --no-install-recommends ${systemPackages.join(' ')} && rm -rf /var/lib/apt/lists/*`;
  return [
    `FROM ${base} AS system`,
    ...(systemPackages.length === 0 ? [] : [`RUN DEBIAN_FRONTEND=noninteractive; ${apt}`]),
    ...(python
      ? [
          'FROM system AS fetch',
          `COPY fetch ${FETCH}`,
          `RUN bash ${FETCH}/install.sh`,
          'FROM system',
          `COPY --from=fetch ${CONDA} ${CONDA}`,
          'COPY root /',
        ]
      : []),
    'ENV TZ=Etc/UTC',
    '',
  ].join('\n');
}

/** Installs the pinned packages into the environment and keeps the wheels of the build requirements. */
export function installEnvironmentScript(python: string): string {
  return `set -euxo pipefail
cd ${FETCH}
if [ -f ca.pem ]; then export PIP_CERT=$PWD/ca.pem SSL_CERT_FILE=$PWD/ca.pem; fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
mkdir -p ${CONDA}/bin ${WHEELS} ${ENVIRONMENT}/bin ${ENVIRONMENT}/lib ${ENVIRONMENT}/include
prefix=$(${python} -c 'import sys; print(sys.base_prefix)')
if [ "$prefix" = /usr ]; then
  ${python} -m venv ${ENVIRONMENT} # a distribution's own interpreter can't be moved
else
  # An interpreter of its own, as conda makes it: links to a virtual environment's python lose its packages (tox --current-env makes one).
  name=$(${python} -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  cp -a "$prefix/bin/$name" ${ENVIRONMENT}/bin/
  cp -a "$prefix/lib/$name" ${ENVIRONMENT}/lib/
  cp -a "$prefix/include/$name"* ${ENVIRONMENT}/include/
  rm -rf ${ENVIRONMENT}/lib/$name/site-packages/*
  ln -s "$name" ${ENVIRONMENT}/bin/python3
  ln -s python3 ${ENVIRONMENT}/bin/python
  ${ENVIRONMENT}/bin/python -m ensurepip --upgrade
  [ -e ${ENVIRONMENT}/bin/pip ] || ln -s pip3 ${ENVIRONMENT}/bin/pip
fi
PATH=${ENVIRONMENT}/bin:$PATH
grep -E '^(pip|setuptools|wheel)==' packages.txt >tools.txt || true
xargs -r python -m pip install <tools.txt
# A frozen list is taken as it is, conflicts included; what an incomplete one lacks is resolved.
python -m pip install --no-deps -r packages.txt
python -m pip check || python -m pip install -r packages.txt || true
# The build requirements at the environment's own versions where the project allows them, else at the newest.
sed -i /^pip==/d tools.txt
python -m pip wheel -w ${WHEELS} -c tools.txt -r build.txt || python -m pip wheel -w ${WHEELS} -r build.txt
`;
}

/** Dockerfile of an instance: its files, then one step that installs the project. */
export function instanceDockerfile(environment: string, workdir: string): string {
  return [
    `FROM ${environment}`,
    'COPY root /',
    'RUN bash /assay-setup.sh && rm /assay-setup.sh',
    `WORKDIR ${workdir}`,
    '',
  ].join('\n');
}

/**
 * Brings the tree to the base commit, installs it, and commits what the install changed, as the reference does: a later diff shows
 * only the model's change. Fails when git still knows anything but the past.
 */
export function setupScript(recipe: ImageRecipe, date: string): string {
  const history = recipe.source.kind === 'git';
  return `set -euxo pipefail
cd ${recipe.workdir}
git config --global user.email setup@swebench.config
git config --global user.name SWE-bench
export GIT_AUTHOR_DATE='${date}' GIT_COMMITTER_DATE='${date}' PIP_CACHE_DIR=/tmp/pip-cache
git init -q -b main
${history ? 'git reset -q --hard' : 'git add -A --force\ngit -c user.name=assay -c user.email=assay@localhost commit -q -m Base'}
base=$(git rev-parse HEAD)
set +ux
if [ -d ${ENVIRONMENT} ]; then source ${CONDA}/bin/activate; conda activate testbed; fi
set -ux
${recipe.preInstall.join('\n')}
install() {
  ${recipe.install.map((command) => `{ ${command}\n}`).join(' && ') || ':'}
}
# Without an index, as at evaluation; what an incomplete recipe lacks is fetched once.
export PIP_CONFIG_FILE=${OFFLINE_PIP}
install || { PIP_CONFIG_FILE=/dev/null install && install; }
cd ${recipe.workdir}
git commit -q --allow-empty -am SWE-bench
rm -rf .git/logs .git/ORIG_HEAD /tmp/pip-cache
test "$(git rev-parse HEAD^)" = "$base"
test -z "$(git remote)"
test -z "$(git for-each-ref --no-merged HEAD)"
`;
}
