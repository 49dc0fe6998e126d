import { describe, expect, test } from '@jest/globals';
import {
  beforeReinstall,
  faultOf,
  reinstallOf,
  touches,
  withoutReinstall,
} from '../../src/reinstall/rule.js';

const script = (...steps: string[]) =>
  [
    '#!/bin/bash',
    'cd /testbed',
    'git status',
    ...steps,
    "git apply -v - <<'EOF'",
    '+python -m pip install -e .',
    'EOF',
    'run tests',
  ].join('\n');

const edit = (path: string, header = '') =>
  `diff --git a/${path} b/${path}\n${header}--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`;

const OPENED = [
  'setup.py',
  'setup.cfg',
  'README.md',
  'pkg/__init__.py',
  'pkg/__pycache__/release.cpython-39.pyc',
  'old.pyc',
];

describe('the step that installs the tree', () => {
  test.each([
    'python -m pip install -e .',
    'pip install -e .',
    'python -m pip install --editable .',
    'python -m pip install -e .[test]',
    'python -m pip install -e .[test] --verbose',
    'python -m pip install -v --no-use-pep517 --no-build-isolation -e .',
  ])('%s is one', (step) => {
    expect(reinstallOf(script(step))).toBe(step);
  });

  test.each([
    'python -m pip install .',
    'python -m pip install -e ./sub',
    'python -m pip install -e . && make',
    'python -m pip install -e . ; python setup.py build_ext',
    'python -m pip install -r requirements.txt -e .',
    'python -m pip install --upgrade -e .',
    'python -m pip install -e .[$(id)]',
    ' python -m pip install -e .',
    'python setup.py develop',
  ])('%s is none that we know', (step) => {
    expect(reinstallOf(script(step))).toBeUndefined();
  });

  test('two of them are not clear', () => {
    expect(reinstallOf(script('pip install -e .', 'pip install -e .'))).toBeUndefined();
  });

  test('its line alone is replaced, by one that the log shows, and what a test patch adds stays', () => {
    const whole = script('export A=1', 'pip install -e .', 'git checkout abc');
    expect(withoutReinstall(whole)).toBe(
      whole.replace('\npip install -e .\n', "\n: 'assay: re-install skipped'\n"),
    );
    expect(beforeReinstall(whole)).toBe('#!/bin/bash\ncd /testbed\ngit status\nexport A=1');
  });
});

describe('a patch touches nothing that the step reads', () => {
  test('where it changes lines of Python sources that the step does not open', () => {
    expect(touches(edit('pkg/core/add.py') + edit('pkg/core/mul.py'), OPENED)).toBeUndefined();
    expect(touches(edit('pkg/core/add.py', 'index 123..456 100644\n'), OPENED)).toBeUndefined();
  });

  test.each([
    ['a file that it opens', edit('setup.py'), 'setup.py: the re-install reads it'],
    [
      'one of several files',
      edit('pkg/core/add.py') + edit('pkg/__init__.py'),
      'pkg/__init__.py: the re-install reads it',
    ],
    ['a source whose byte code it opens', edit('pkg/release.py'), 'pkg/release.py: the re-install reads it'],
    ['a source whose byte code lies beside it', edit('old.py'), 'old.py: the re-install reads it'],
    ['a file of settings, opened or not', edit('tox.ini'), 'tox.ini: no Python source of the tree'],
    ['a source that is compiled', edit('pkg/fast.pyx'), 'pkg/fast.pyx: no Python source of the tree'],
    ['a file of data', edit('pkg/data.json'), 'pkg/data.json: no Python source of the tree'],
    ["git's own files", edit('.git/hooks/x.py'), '.git/hooks/x.py: no Python source of the tree'],
    ['a path out of the tree', edit('../x.py'), '../x.py: no Python source of the tree'],
    [
      'a new module: packages are listed',
      'diff --git a/pkg/new.py b/pkg/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/pkg/new.py\n@@ -0,0 +1 @@\n+a\n',
      'pkg/new.py: added',
    ],
    [
      'a module that goes',
      'diff --git a/pkg/x.py b/pkg/x.py\ndeleted file mode 100644\n--- a/pkg/x.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n',
      'pkg/x.py: deleted',
    ],
    [
      'a module that moves',
      'diff --git a/pkg/x.py b/pkg/y.py\nsimilarity index 100%\nrename from pkg/x.py\nrename to pkg/y.py\n',
      'pkg/y.py: renamed',
    ],
    [
      'a module that is copied',
      'diff --git a/pkg/x.py b/pkg/y.py\nsimilarity index 100%\ncopy from pkg/x.py\ncopy to pkg/y.py\n',
      'pkg/y.py: copied',
    ],
    ['a mode', edit('pkg/x.py', 'old mode 100644\nnew mode 100755\n'), 'pkg/x.py: mode changed'],
    [
      'a source that becomes binary',
      'diff --git a/pkg/x.py b/pkg/x.py\nBinary files a/pkg/x.py and b/pkg/x.py differ\n',
      'pkg/x.py: modified',
    ],
    [
      'another name on the other side',
      edit('pkg/x.py').replace('+++ b/pkg/x.py', '+++ b/pkg/y.py'),
      'pkg/y.py: modified',
    ],
    ['text that is no diff', 'hello\n', 'the patch names no files'],
    ['nothing', '', 'the patch names no files'],
  ])('but not: %s', (_what, patch, why) => {
    expect(touches(patch, OPENED)).toBe(why);
  });

  test('and never where the step asks git for the state of the tree', () => {
    expect(faultOf([...OPENED, '.git/index'])).toBe('it asks git for the state of the tree');
    expect(faultOf([...OPENED, '.gitignore', '.github/a.py'])).toBeUndefined();
  });
});
