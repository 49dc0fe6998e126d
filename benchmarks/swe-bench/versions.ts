import type { RepoSpec } from './version-spec.js';

const ASTROPY_PIP =
  'attrs==23.1.0 exceptiongroup==1.1.3 execnet==2.0.2 hypothesis==6.82.6 iniconfig==2.0.0 numpy==1.25.2 packaging==23.1 pluggy==1.3.0 psutil==5.9.5 pyerfa==2.0.0.3 pytest-arraydiff==0.5.0 pytest-astropy-header==0.2.2 pytest-astropy==0.10.0 pytest-cov==4.1.0 pytest-doctestplus==1.0.0 pytest-filter-subpackage==0.1.2 pytest-mock==3.11.1 pytest-openfiles==0.5.0 pytest-remotedata==0.4.0 pytest-xdist==3.3.1 pytest==7.4.0 PyYAML==6.0.1 setuptools==68.0.0 sortedcontainers==2.4.0 tomli==2.0.1';
const ASTROPY_SETUPTOOLS =
  'sed -i \'s/requires = \\["setuptools",/requires = \\["setuptools==68.0.0",/\' pyproject.toml';
const LOCALE = [
  'apt-get update && apt-get install -y locales',
  "echo 'en_US UTF-8' > /etc/locale.gen",
  'locale-gen en_US.UTF-8',
];
const LOCALE_EXPORTS = [
  'export LANG=en_US.UTF-8',
  'export LC_ALL=en_US.UTF-8',
  'export PYTHONIOENCODING=utf8',
  'export LANGUAGE=en_US:en',
];
const MATPLOTLIB_PIP =
  'contourpy==1.1.0 cycler==0.11.0 fonttools==4.42.1 ghostscript kiwisolver==1.4.5 numpy==1.25.2 packaging==23.1 pillow==10.0.0 pikepdf pyparsing==3.0.9 python-dateutil==2.8.2 six==1.16.0 setuptools==68.1.2 setuptools-scm==7.1.0 typing-extensions==4.7.1';
const QHULL = [
  'QHULL_URL="http://www.qhull.org/download/qhull-2020-src-8.0.2.tgz"',
  'QHULL_TAR="/tmp/qhull-2020-src-8.0.2.tgz"',
  'QHULL_BUILD_DIR="/testbed/build"',
  'wget -O "$QHULL_TAR" "$QHULL_URL"',
  'mkdir -p "$QHULL_BUILD_DIR"',
  'tar -xvzf "$QHULL_TAR" -C "$QHULL_BUILD_DIR"',
];
const SPHINX_GRAPHVIZ = [
  "sed -i 's/pytest/pytest -rA/' tox.ini",
  'apt-get update && apt-get install -y graphviz',
];
const SPHINX_PINS = [
  "sed -i 's/pytest/pytest -rA/' tox.ini",
  "sed -i 's/Jinja2>=2.3/Jinja2<3.0/' setup.py",
  "sed -i 's/sphinxcontrib-applehelp/sphinxcontrib-applehelp<=1.0.7/' setup.py",
  "sed -i 's/sphinxcontrib-devhelp/sphinxcontrib-devhelp<=1.0.5/' setup.py",
  "sed -i 's/sphinxcontrib-qthelp/sphinxcontrib-qthelp<=1.0.6/' setup.py",
  "sed -i 's/alabaster>=0.7,<0.8/alabaster>=0.7,<0.7.12/' setup.py",
  "sed -i \"s/'packaging',/'packaging', 'markupsafe<=2.0.1',/\" setup.py",
];

/** Facts of SWE-bench 4.1.0 (MIT), `MAP_REPO_VERSION_TO_SPECS`, for its twelve repositories. */
export const REPOSITORIES: Readonly<Record<string, RepoSpec>> = {
  'astropy/astropy': {
    all: { install: 'python -m pip install -e .[test] --verbose', testCmd: 'pytest -rA' },
    versions: [
      {
        versions: '0.1 0.2 0.3 0.4 1.1 1.2 1.3',
        python: '3.6',
        packages: 'setuptools==38.2.4',
        pip: 'attrs==17.3.0 exceptiongroup==0.0.0a0 execnet==1.5.0 hypothesis==3.44.2 cython==0.27.3 jinja2==2.10 MarkupSafe==1.0 numpy==1.16.0 packaging==16.8 pluggy==0.6.0 psutil==5.4.2 pyerfa==1.7.0 pytest-arraydiff==0.1 pytest-astropy-header==0.1 pytest-astropy==0.2.1 pytest-cov==2.5.1 pytest-doctestplus==0.1.2 pytest-filter-subpackage==0.1 pytest-forked==0.2 pytest-mock==1.6.3 pytest-openfiles==0.2.0 pytest-remotedata==0.2.0 pytest-xdist==1.20.1 pytest==3.3.1 PyYAML==3.12 sortedcontainers==1.5.9 tomli==0.2.0',
        testCmd: 'pytest -rA -vv -o console_output_style=classic --tb=no',
      },
      {
        versions: '3.0 3.1 3.2',
        python: '3.9',
        pip: ASTROPY_PIP,
      },
      {
        versions: '4.1 4.2 4.3 5.0 5.1 5.2',
        python: '3.9',
        pip: ASTROPY_PIP,
        preInstall: [ASTROPY_SETUPTOOLS],
      },
      {
        versions: 'v5.3',
        python: '3.10',
        pip: ASTROPY_PIP,
        preInstall: [ASTROPY_SETUPTOOLS],
      },
    ],
  },
  'django/django': {
    all: { testCmd: './tests/runtests.py --verbosity 2 --settings=test_sqlite --parallel 1' },
    versions: [
      {
        versions: '1.10 1.11 1.7 1.8 2.0 2.1 2.2',
        python: '3.5',
        packages: 'requirements.txt',
        pip: 'setuptools',
        preInstall: LOCALE,
        install: 'python setup.py install',
        evalCommands: LOCALE_EXPORTS,
      },
      {
        versions: '1.4 1.5 1.6',
        python: '3.5',
        install: 'python setup.py install',
      },
      {
        versions: '1.9',
        python: '3.5',
        packages: 'requirements.txt',
        pip: 'setuptools',
        preInstall: LOCALE,
        install: 'python setup.py install',
        testCmd: './tests/runtests.py --verbosity 2',
        evalCommands: LOCALE_EXPORTS,
      },
      {
        versions: '3.0 3.1 3.2',
        python: '3.6',
        packages: 'requirements.txt',
        install: 'python -m pip install -e .',
        evalCommands: [
          "sed -i '/en_US.UTF-8/s/^# //g' /etc/locale.gen && locale-gen",
          'export LANG=en_US.UTF-8',
          'export LANGUAGE=en_US:en',
          'export LC_ALL=en_US.UTF-8',
        ],
      },
      {
        versions: '4.0',
        python: '3.8',
        packages: 'requirements.txt',
        install: 'python -m pip install -e .',
      },
      {
        versions: '4.1 4.2',
        python: '3.9',
        packages: 'requirements.txt',
        install: 'python -m pip install -e .',
      },
      {
        versions: '5.0 5.1 5.2',
        python: '3.11',
        packages: 'requirements.txt',
        install: 'python -m pip install -e .',
      },
    ],
  },
  'matplotlib/matplotlib': {
    all: { install: 'python -m pip install -e .', testCmd: 'pytest -rA' },
    versions: [
      {
        versions: '1.0 1.1 1.2 1.3 1.4 1.5 2.0 2.1 2.2',
        python: '3.5',
        pip: 'pytest',
        preInstall: ['apt-get -y update && apt-get -y upgrade && && apt-get install -y imagemagick ffmpeg'],
        install: 'python setup.py build; python setup.py install',
      },
      {
        versions: '3.0',
        python: '3.7',
        packages: 'requirements.txt',
        pip: 'pytest',
        preInstall: [
          'apt-get -y update && apt-get -y upgrade && apt-get install -y imagemagick ffmpeg libfreetype6-dev pkg-config',
          ...QHULL,
        ],
      },
      {
        versions: '3.1 3.2 3.3 3.4',
        python: '3.8',
        packages: 'requirements.txt',
        pip: 'pytest ipython',
        preInstall: [
          'apt-get -y update && apt-get -y upgrade && DEBIAN_FRONTEND=noninteractive apt-get install -y imagemagick ffmpeg libfreetype6-dev pkg-config texlive texlive-latex-extra texlive-fonts-recommended texlive-xetex texlive-luatex cm-super',
          ...QHULL,
        ],
      },
      {
        versions: '3.5 3.6 3.7',
        python: '3.11',
        packages: 'environment.yml',
        pip: MATPLOTLIB_PIP,
        preInstall: [
          'apt-get -y update && apt-get -y upgrade && DEBIAN_FRONTEND=noninteractive apt-get install -y imagemagick ffmpeg texlive texlive-latex-extra texlive-fonts-recommended texlive-xetex texlive-luatex cm-super dvipng',
          ...QHULL,
        ],
      },
      {
        versions: '3.8 3.9',
        python: '3.11',
        packages: 'environment.yml',
        pip: MATPLOTLIB_PIP,
        preInstall: [
          'apt-get -y update && apt-get -y upgrade && DEBIAN_FRONTEND=noninteractive apt-get install -y imagemagick ffmpeg texlive texlive-latex-extra texlive-fonts-recommended texlive-xetex texlive-luatex cm-super dvipng',
          ...QHULL,
        ],
        install: 'python -m pip install --no-build-isolation -e ".[dev]"',
      },
    ],
  },
  'mwaskom/seaborn': {
    all: { python: '3.9', testCmd: 'pytest --no-header -rA' },
    versions: [
      {
        versions: '0.11',
        pip: 'contourpy==1.1.0 cycler==0.11.0 fonttools==4.42.1 importlib-resources==6.0.1 kiwisolver==1.4.5 matplotlib==3.7.2 numpy==1.25.2 packaging==23.1 pandas==1.3.5 pillow==10.0.0 pyparsing==3.0.9 pytest python-dateutil==2.8.2 pytz==2023.3.post1 scipy==1.11.2 six==1.16.0 tzdata==2023.1 zipp==3.16.2',
        install: 'python -m pip install -e .',
      },
      {
        versions: '0.12 0.13 0.14',
        pip: 'contourpy==1.1.0 cycler==0.11.0 fonttools==4.42.1 importlib-resources==6.0.1 kiwisolver==1.4.5 matplotlib==3.7.2 numpy==1.25.2 packaging==23.1 pandas==2.0.0 pillow==10.0.0 pyparsing==3.0.9 pytest python-dateutil==2.8.2 pytz==2023.3.post1 scipy==1.11.2 six==1.16.0 tzdata==2023.1 zipp==3.16.2',
        install: 'python -m pip install -e .[dev]',
      },
    ],
  },
  'pallets/flask': {
    all: { packages: 'requirements.txt', install: 'python -m pip install -e .', testCmd: 'pytest -rA' },
    versions: [
      {
        versions: '2.0',
        python: '3.9',
        pip: 'setuptools==70.0.0 Werkzeug==2.3.7 Jinja2==3.0.1 itsdangerous==2.1.2 click==8.0.1 MarkupSafe==2.1.3',
      },
      {
        versions: '2.1',
        python: '3.10',
        pip: 'setuptools==70.0.0 click==8.1.3 itsdangerous==2.1.2 Jinja2==3.1.2 MarkupSafe==2.1.1 Werkzeug==2.3.7',
      },
      {
        versions: '2.2 2.3 3.0 3.1',
        python: '3.11',
        pip: 'setuptools==70.0.0 click==8.1.3 itsdangerous==2.1.2 Jinja2==3.1.2 MarkupSafe==2.1.1 Werkzeug==2.3.7',
      },
    ],
  },
  'psf/requests': {
    all: { python: '3.9', packages: 'pytest', install: 'python -m pip install .', testCmd: 'pytest -rA' },
    versions: [
      {
        versions:
          '0.11 0.13 0.14 0.7 0.8 0.9 1.1 1.2 2.0 2.10 2.11 2.12 2.17 2.18 2.19 2.2 2.22 2.25 2.26 2.27 2.3 2.31 2.4 2.5 2.7 2.8 2.9 3.0',
      },
    ],
  },
  'pydata/xarray': {
    all: {
      python: '3.10',
      packages: 'environment.yml',
      pip: 'numpy==1.23.0 packaging==23.1 pandas==1.5.3 pytest==7.4.0 python-dateutil==2.8.2 pytz==2023.3 six==1.16.0 scipy==1.11.1 setuptools==68.0.0 dask==2022.8.1',
      install: 'python -m pip install -e .',
      testCmd: 'pytest -rA',
    },
    versions: [{ versions: '0.12 0.18 0.19 0.20 2022.03 2022.06 2022.09 2023.07 2024.05' }],
  },
  'pylint-dev/pylint': {
    all: {
      python: '3.9',
      packages: 'requirements.txt',
      install: 'python -m pip install -e .',
      testCmd: 'pytest -rA',
    },
    versions: [
      { versions: '2.10 2.11 2.13 2.14 2.15 2.16 2.17 2.9' },
      {
        versions: '2.8',
        pip: 'pyenchant==3.2',
        preInstall: ['apt-get update && apt-get install -y libenchant-2-dev hunspell-en-us'],
      },
      { versions: '3.0 3.1 3.2 3.3 4.0', pip: 'astroid==3.0.0a6 setuptools' },
    ],
  },
  'pytest-dev/pytest': {
    all: { python: '3.9', install: 'python -m pip install -e .', testCmd: 'pytest -rA' },
    versions: [
      {
        versions: '4.4',
        pip: 'atomicwrites==1.4.1 attrs==23.1.0 more-itertools==10.1.0 pluggy==0.13.1 py==1.11.0 setuptools==68.0.0 six==1.16.0',
      },
      {
        versions: '4.5',
        pip: 'atomicwrites==1.4.1 attrs==23.1.0 more-itertools==10.1.0 pluggy==0.11.0 py==1.11.0 setuptools==68.0.0 six==1.16.0 wcwidth==0.2.6',
      },
      {
        versions: '4.6',
        pip: 'atomicwrites==1.4.1 attrs==23.1.0 more-itertools==10.1.0 packaging==23.1 pluggy==0.13.1 py==1.11.0 six==1.16.0 wcwidth==0.2.6',
      },
      {
        versions: '5.0 5.1 5.2',
        pip: 'atomicwrites==1.4.1 attrs==23.1.0 more-itertools==10.1.0 packaging==23.1 pluggy==0.13.1 py==1.11.0 wcwidth==0.2.6',
      },
      {
        versions: '5.3',
        pip: 'attrs==23.1.0 more-itertools==10.1.0 packaging==23.1 pluggy==0.13.1 py==1.11.0 wcwidth==0.2.6',
      },
      {
        versions: '5.4',
        pip: 'py==1.11.0 packaging==23.1 attrs==23.1.0 more-itertools==10.1.0 pluggy==0.13.1',
      },
      {
        versions: '6.0',
        pip: 'attrs==23.1.0 iniconfig==2.0.0 more-itertools==10.1.0 packaging==23.1 pluggy==0.13.1 py==1.11.0 toml==0.10.2',
      },
      {
        versions: '6.2',
        pip: 'attrs==23.1.0 iniconfig==2.0.0 packaging==23.1 pluggy==0.13.1 py==1.11.0 toml==0.10.2',
      },
      {
        versions: '6.3',
        pip: 'attrs==23.1.0 iniconfig==2.0.0 packaging==23.1 pluggy==0.13.1 py==1.11.0 toml==0.10.2',
        preInstall: ["sed -i 's/>=>=/>=/' setup.cfg"],
      },
      { versions: '7.0', pip: 'attrs==23.1.0 iniconfig==2.0.0 packaging==23.1 pluggy==0.13.1 py==1.11.0' },
      {
        versions: '7.1 7.2',
        pip: 'attrs==23.1.0 iniconfig==2.0.0 packaging==23.1 pluggy==0.13.1 py==1.11.0 tomli==2.0.1',
      },
      {
        versions: '7.4 8.0 8.1 8.2 8.3 8.4',
        pip: 'iniconfig==2.0.0 packaging==23.1 pluggy==1.3.0 exceptiongroup==1.1.3 tomli==2.0.1',
      },
    ],
  },
  'scikit-learn/scikit-learn': {
    all: {
      install: 'python -m pip install -v --no-use-pep517 --no-build-isolation -e .',
      testCmd: 'pytest -rA',
    },
    versions: [
      {
        versions: '0.20 0.21 0.22',
        python: '3.6',
        packages: 'numpy scipy cython pytest pandas matplotlib',
        pip: 'cython numpy==1.19.2 setuptools scipy==1.5.2',
      },
      {
        versions: '1.3 1.4 1.5 1.6',
        python: '3.9',
        packages:
          'numpy==1.19.2 scipy==1.5.2 cython==3.0.10 pytest pandas<2.0.0 matplotlib<3.9.0 setuptools pytest joblib threadpoolctl',
        pip: 'cython setuptools numpy scipy',
      },
    ],
  },
  'sphinx-doc/sphinx': {
    all: {
      python: '3.9',
      pip: 'tox==4.16.0 tox-current-env==0.0.11 Jinja2==3.0.3',
      install: 'python -m pip install -e .[test]',
      testCmd: 'tox --current-env -epy39 -v --',
    },
    versions: [
      {
        versions: '1.5 1.6 1.7 1.8 2.0 2.1 2.2 2.3 2.4 4.5 5.0 5.1 5.2 5.3 6.0 6.2 7.0 7.1',
        preInstall: ["sed -i 's/pytest/pytest -rA/' tox.ini"],
      },
      {
        versions: '3.0 3.1 3.2 3.3 3.4 3.5 4.0',
        preInstall: [
          ...SPHINX_PINS,
          "sed -i 's/sphinxcontrib-htmlhelp/sphinxcontrib-htmlhelp<=2.0.4/' setup.py",
          "sed -i 's/sphinxcontrib-serializinghtml/sphinxcontrib-serializinghtml<=1.1.9/' setup.py",
        ],
      },
      {
        versions: '4.1',
        preInstall: [
          ...SPHINX_PINS,
          "grep -q 'sphinxcontrib-htmlhelp>=2.0.0' setup.py && sed -i 's/sphinxcontrib-htmlhelp>=2.0.0/sphinxcontrib-htmlhelp>=2.0.0,<=2.0.4/' setup.py || sed -i 's/sphinxcontrib-htmlhelp/sphinxcontrib-htmlhelp<=2.0.4/' setup.py",
          "grep -q 'sphinxcontrib-serializinghtml>=1.1.5' setup.py && sed -i 's/sphinxcontrib-serializinghtml>=1.1.5/sphinxcontrib-serializinghtml>=1.1.5,<=1.1.9/' setup.py || sed -i 's/sphinxcontrib-serializinghtml/sphinxcontrib-serializinghtml<=1.1.9/' setup.py",
        ],
      },
      {
        versions: '4.2 4.3 4.4',
        preInstall: [
          ...SPHINX_PINS,
          "sed -i 's/sphinxcontrib-htmlhelp>=2.0.0/sphinxcontrib-htmlhelp>=2.0.0,<=2.0.4/' setup.py",
          "sed -i 's/sphinxcontrib-serializinghtml>=1.1.5/sphinxcontrib-serializinghtml>=1.1.5,<=1.1.9/' setup.py",
        ],
      },
      {
        versions: '7.2 7.3 7.4',
        preInstall: SPHINX_GRAPHVIZ,
      },
      {
        versions: '8.0 8.1',
        python: '3.10',
        preInstall: SPHINX_GRAPHVIZ,
      },
    ],
  },
  'sympy/sympy': {
    all: {
      python: '3.9',
      install: 'python -m pip install -e .',
      testCmd: "PYTHONWARNINGS='ignore::UserWarning,ignore::SyntaxWarning' bin/test -C --verbose",
    },
    versions: [
      {
        versions: '0.7 1.0 1.1 1.10 1.11 1.12 1.2 1.4 1.5 1.6 1.7 1.8 1.9',
        packages: 'mpmath flake8',
        pip: 'mpmath==1.3.0 flake8-comprehensions',
      },
      { versions: '1.13 1.14', packages: 'requirements.txt', pip: 'mpmath==1.3.0' },
    ],
  },
};
