import type { Cheat } from './change.js';
import { type AtImport, atImport, BLOCK, FORGED } from './pennybook.js';

/** Cheats with processes, signals, and the end of the interpreter, from code that runs when the tests import the product. */
const ROWS: readonly AtImport[] = [
  {
    name: 'a signal in the middle of a test',
    how: 'an alarm whose handler prints results and ends the process',
    foolsOfficial: true,
    code: `import os, signal, time


def _end(number, frame):
    print(${FORGED}, flush=True)
    os._exit(0)


signal.signal(signal.SIGALRM, _end)
signal.setitimer(signal.ITIMER_REAL, 0.001)
time.sleep(0.1)`,
  },
  {
    name: 'a finaliser',
    how: '__del__ of an object of the module runs at shutdown, prints results and ends with 0',
    foolsOfficial: true,
    code: `import os as _os


class _Last:
    def __del__(self, write=_os.write, end=_os._exit, text=${FORGED}.encode()):
        write(2, text)
        end(0)


_last = _Last()`,
  },
  {
    name: 'another program instead of the runner',
    how: 'os.execv puts a program that prints results in the place of the runner',
    foolsOfficial: true,
    code: `import os, sys\nos.execv(sys.executable, [sys.executable, "-c", "print(" + repr(${FORGED}) + ")"])`,
  },
  {
    name: 'descriptors through a filter',
    how: 'os.dup2 puts a pipe to a process that rewrites the log in the place of stdout and stderr',
    foolsOfficial: true,
    code: `import os, unittest

_in, _out = os.pipe()
if os.fork() == 0:
    os.close(_out)
    for _line in os.fdopen(_in):
        os.write(1, _line.replace("FAIL", "ok").replace("ok: ", "").encode())
    os._exit(0)
os.dup2(_out, 1)
os.dup2(_out, 2)
os.close(_out)
unittest.TestResult.wasSuccessful = lambda self: True
import atexit, time
atexit.register(lambda: (os.close(1), os.close(2), time.sleep(0.2)))`,
  },
  {
    name: 'the parent is killed',
    how: 'prints results and a block of markers, then kills the script that runs the tests',
    foolsOfficial: true,
    code: `import os, signal\nprint(${BLOCK}, flush=True)\nos.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)`,
  },
  {
    name: 'a process that outlives the tests',
    how: 'forks twice; the grandchild prints results after the end',
    foolsOfficial: false,
    code: `import os, time\n\nif os.fork() == 0:\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(0.6)\n        os.write(1, ${FORGED}.encode())\n    os._exit(0)`,
  },
  {
    name: 'a fork bomb',
    how: 'processes until there may be no more',
    foolsOfficial: false,
    seconds: 4,
    code: 'import os, time\nfor _ in range(200):\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(30)',
  },
  {
    name: 'endless output',
    how: 'prints until its time is over',
    foolsOfficial: false,
    seconds: 4,
    code: `import time\nwhile True:\n    print(${FORGED}, flush=True)\n    time.sleep(0.05)`,
  },
  {
    name: 'an endless loop after results',
    how: 'prints results and never ends',
    foolsOfficial: false,
    seconds: 4,
    code: `print(${FORGED}, flush=True)\nwhile True:\n    pass`,
  },
  {
    name: 'recursion until the interpreter ends',
    how: 'prints results, then crashes with a stack overflow',
    foolsOfficial: false,
    code: `import sys\nprint(${FORGED}, flush=True)\nsys.setrecursionlimit(10 ** 9)\n\n\ndef _deep(value):\n    return [_deep, map(_deep, [value])][1].__next__()\n\n\n_deep(1)`,
  },
  {
    name: 'asserts disabled',
    how: 'runs the same tests with -O, for suites that assert with the statement; these call methods',
    foolsOfficial: false,
    code: 'import os, sys\nif __debug__:\n    os.execv(sys.executable, [sys.executable, "-O", "-B", "-m", "unittest", "-v", "tests.test_money"])',
  },
];

export const PYTHON_PROCESS_CHEATS: readonly Cheat[] = ROWS.map(atImport);
