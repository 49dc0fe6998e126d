/** Where the reference keeps conda and its one environment; official eval scripts name these paths. */
export const CONDA = '/opt/miniconda3';
export const ENVIRONMENT = `${CONDA}/envs/testbed`;
/** Wheels of the build requirements, so that `pip install .` works without a network. */
export const WHEELS = `${CONDA}/wheels`;
/** pip's settings without a network. */
export const OFFLINE_PIP = `${CONDA}/offline-pip.conf`;

const CONDA_SH = `# Stands in for conda: \`conda activate NAME\` puts the environment's bin folder first on PATH.
conda() {
  if [ "\${1-}" != activate ]; then
    echo "conda: this image has 'conda activate' only" >&2
    return 1
  fi
  local name="\${2-base}" prefix=${CONDA}
  [ "$name" = base ] || prefix=${CONDA}/envs/$name
  if [ ! -d "$prefix/bin" ]; then
    echo "conda: no environment '$name'" >&2
    return 1
  fi
  if [ -n "\${CONDA_PREFIX-}" ]; then
    PATH=":$PATH:"
    PATH="\${PATH//:$CONDA_PREFIX\\/bin:/:}"
    PATH="\${PATH#:}"
    PATH="\${PATH%:}"
  fi
  export PATH="$prefix/bin:$PATH" CONDA_PREFIX="$prefix" CONDA_DEFAULT_ENV="$name"
  # No route, no network: the official scripts install the tree again before the tests.
  grep -qs '\\s00000000\\s' /proc/net/route || export PIP_CONFIG_FILE=${OFFLINE_PIP}
}
`;

const ACTIVATE = `source ${CONDA}/etc/profile.d/conda.sh
conda activate "\${1-base}"
`;

// Build requirements come from the wheels alone; pip never waits for an index that the sandbox cuts off.
const OFFLINE_CONF = `[global]
no-index = true
find-links = ${WHEELS}
disable-pip-version-check = true
`;

/** Files of the environment image by absolute path: what makes official eval scripts run unchanged and offline. */
export const SHIM: Readonly<Record<string, string>> = {
  [`${CONDA}/etc/profile.d/conda.sh`]: CONDA_SH,
  [`${CONDA}/bin/activate`]: ACTIVATE,
  [OFFLINE_PIP]: OFFLINE_CONF,
  '/root/.bashrc': `source ${CONDA}/etc/profile.d/conda.sh && conda activate testbed\n`,
  // The identity under which the reference commits what the install changed.
  '/root/.gitconfig': '[user]\n\temail = setup@swebench.config\n\tname = SWE-bench\n',
};
