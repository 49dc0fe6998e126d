import { ASSAY_DIR } from './session.js';
import { CONDA, ENVIRONMENT, OFFLINE_PIP, SHIM, WHEELS } from './shim.js';

/** Names of the files that the environment's script reads, below `/.assay`, and writes. */
export const FILES = {
  apt: `${ASSAY_DIR}/apt.txt`,
  packages: `${ASSAY_DIR}/packages.txt`,
  build: `${ASSAY_DIR}/build.txt`,
  certificates: `${ASSAY_DIR}/ca.pem`,
  aptLock: `${ASSAY_DIR}/apt.lock`,
  python: `${ASSAY_DIR}/python.version`,
  pipLock: `${ASSAY_DIR}/pip.lock`,
  wheelsLock: `${ASSAY_DIR}/wheels.lock`,
} as const;

/** What every script starts with. */
const PRELUDE = `set -euxo pipefail
cd /${ASSAY_DIR}
if [ -f ca.pem ]; then export PIP_CERT=$PWD/ca.pem SSL_CERT_FILE=$PWD/ca.pem GIT_SSL_CAINFO=$PWD/ca.pem REQUESTS_CA_BUNDLE=$PWD/ca.pem; fi
export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export PIP_CACHE_DIR=/tmp/pip-cache
# Compilers write the path of a random work folder into what is for debuggers.
export CFLAGS=-g0 CXXFLAGS=-g0 SOURCE_DATE_EPOCH=1577836800 PYTHONHASHSEED=0
`;

/** Installs the Debian packages of `apt.txt` and writes which versions came in. */
export const SYSTEM_SCRIPT = `${PRELUDE}
dpkg-query -W -f '\${Package}=\${Version}\\n' | sort >apt.before
apt-get update -q
xargs apt-get install -qy --no-install-recommends <apt.txt
dpkg-query -W -f '\${Package}=\${Version}\\n' | sort >apt.after
comm -13 apt.before apt.after >apt.lock
`;

/** Gives the environment an interpreter, by `major.minor`, and a stand-in for conda around it. */
export function interpreterScript(python: string): string {
  return `${PRELUDE}
${Object.entries(SHIM).map(heredoc).join('')}
# The requested interpreter of the base (official Python images, conda, /opt/python), else its python3.
for python in python${python} /opt/miniconda3/bin/python${python} /opt/conda/bin/python${python} python3; do
  if command -v "$python" >/dev/null; then break; fi
done
mkdir -p ${CONDA}/bin ${WHEELS} ${ENVIRONMENT}/bin ${ENVIRONMENT}/lib ${ENVIRONMENT}/include
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
if [ "$prefix" = /usr ]; then
  "$python" -m venv ${ENVIRONMENT} # a distribution's own interpreter can't be moved
else
  # An interpreter of its own, as conda makes it: links to a virtual environment's python lose its packages (tox --current-env makes one).
  name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  cp -a "$prefix/bin/$name" ${ENVIRONMENT}/bin/
  cp -a "$prefix/lib/$name" ${ENVIRONMENT}/lib/
  cp -a "$prefix/include/$name"* ${ENVIRONMENT}/include/
  rm -rf ${ENVIRONMENT}/lib/$name/site-packages/*
  ln -s "$name" ${ENVIRONMENT}/bin/python3
  ln -s python3 ${ENVIRONMENT}/bin/python
  ${ENVIRONMENT}/bin/python -m ensurepip --upgrade
  [ -e ${ENVIRONMENT}/bin/pip ] || ln -s pip3 ${ENVIRONMENT}/bin/pip
fi
${ENVIRONMENT}/bin/python -c 'import platform; print(platform.python_version())' >python.version
`;
}

/**
 * Installs the Python packages of `packages.txt`, keeps the wheels of the build requirements, and writes what came out. From a lock nothing is
 * resolved.
 */
export function packagesScript(locked: boolean): string {
  return `${PRELUDE}
PATH=${ENVIRONMENT}/bin:$PATH
grep -E '^(pip|setuptools|wheel)==' packages.txt >tools.txt || true
xargs -r python -m pip install --no-compile <tools.txt
# A frozen list is taken as it is, conflicts included; what an incomplete one lacks is resolved.
python -m pip install --no-compile --no-deps -r packages.txt
${locked ? '' : 'python -m pip check || python -m pip install --no-compile -r packages.txt || true\n'}python -m pip list --format=freeze >pip.lock
${wheels()}`;
}

function heredoc([path, content]: readonly [string, string]): string {
  return `mkdir -p "$(dirname ${path})"\ncat >${path} <<'EOF_OF_FILE'\n${content}EOF_OF_FILE\n`;
}

/** Keeps what `build.txt` asks for as wheels, so that the project installs without a network. */
function wheels(): string {
  return `# At the environment's own versions where the project allows them, else at the newest.
python -m pip list --format=freeze | grep -E '^(setuptools|wheel)==' >tools.txt || true
python -m pip wheel -w ${WHEELS} -f ${WHEELS} -c tools.txt -r build.txt || python -m pip wheel -w ${WHEELS} -f ${WHEELS} -r build.txt
ls ${WHEELS} >wheels.lock
`;
}

/** Adds wheels to those of the environment. */
export function wheelsScript(): string {
  return `${PRELUDE}PATH=${ENVIRONMENT}/bin:$PATH\n${wheels()}`;
}

interface InstallScript {
  readonly workdir: string;
  readonly python: boolean;
  readonly preInstall: readonly string[];
  readonly install: readonly string[];
  readonly checks: readonly string[];
  /** False where the script runs without a network. */
  readonly network: boolean;
}

/**
 * Installs the tree as the recipe says: without an index first, as at evaluation; what an incomplete recipe lacks is fetched once, where there is
 * a network. Then runs the recipe's checks.
 */
export function installScript(options: InstallScript): string {
  const { workdir, python, preInstall, install, checks, network } = options;
  const commands = install.map((command) => `{ ${command}\n}`).join(' && ') || ':';
  return `${PRELUDE}
cd ${workdir}
set +ux
${python ? `source ${CONDA}/bin/activate; conda activate testbed` : ''}
set -ux
${preInstall.join('\n')}
install() {
  ${commands}
}
export PIP_CONFIG_FILE=${OFFLINE_PIP}
${network ? AGAIN_WITH_INDEX : 'install'}
cd ${workdir}
${checks.join('\n')}
`;
}

const AGAIN_WITH_INDEX = `if ! install; then
  # Not joined by &&: bash would go on after a failure.
  PIP_CONFIG_FILE=/dev/null install
  install
fi`;
