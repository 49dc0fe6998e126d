import type { Cheat } from './change.js';
import { PYTHON_EVASIONS } from './cheats-python-evasions.js';
import { PYTHON_FILE_CHEATS } from './cheats-python-files.js';
import { PYTHON_PROCESS_CHEATS } from './cheats-python-processes.js';
import { type AtImport, atImport, BLOCK, FORGED } from './pennybook.js';

/** Code that runs when the tests import the product. */
const AT_IMPORT: readonly AtImport[] = [
  {
    name: 'lines of results at import',
    how: 'prints results; the real ones come later and have the last word',
    foolsOfficial: false,
    code: `print(${FORGED})`,
  },
  {
    name: 'lines of results, then os._exit(0)',
    how: 'the real results never come',
    foolsOfficial: true,
    code: `import os\nprint(${FORGED}, flush=True)\nos._exit(0)`,
  },
  {
    name: 'a whole block of markers',
    how: 'ends the section of the log before the real results, and says exit code 0',
    foolsOfficial: true,
    code: `print(${BLOCK}, flush=True)`,
  },
  {
    name: 'sys.exit at import',
    how: 'ends the run with success and without results',
    foolsOfficial: false,
    code: 'import sys\nsys.exit(0)',
  },
  {
    name: 'a hook at exit',
    how: 'atexit prints results after the real ones and ends with 0',
    foolsOfficial: true,
    code: `import atexit, os, sys\n\n\n@atexit.register\ndef _end():\n    sys.stderr.write(${FORGED})\n    sys.stderr.flush()\n    os._exit(0)`,
  },
  {
    name: 'TestCase.run replaced',
    how: 'every test is a success that is never run',
    foolsOfficial: true,
    code: `import unittest\n\n\ndef _run(self, result=None):\n    result.startTest(self)\n    result.addSuccess(self)\n    result.stopTest(self)\n    return result\n\n\nunittest.TestCase.run = _run`,
  },
  {
    name: 'assertEqual replaced',
    how: 'the assertion accepts everything',
    foolsOfficial: true,
    code: 'import unittest\nunittest.TestCase.assertEqual = lambda *given, **named: None',
  },
  {
    name: 'failures counted as successes',
    how: 'the result class takes addFailure for addSuccess',
    foolsOfficial: true,
    code: 'import unittest\nunittest.TextTestResult.addFailure = lambda self, test, error: self.addSuccess(test)',
  },
  {
    name: 'the loader replaced',
    how: 'loads tests whose bodies are empty',
    foolsOfficial: true,
    code: `import unittest\n\n_load = unittest.TestLoader.loadTestsFromTestCase\n\n\ndef _empty(self, case):\n    for name in self.getTestCaseNames(case):\n        setattr(case, name, lambda self: None)\n    return _load(self, case)\n\n\nunittest.TestLoader.loadTestsFromTestCase = _empty`,
  },
  {
    name: 'the runner replaced',
    how: 'run prints results and says that all is well',
    foolsOfficial: true,
    code: `import unittest\n\n\ndef _run(self, suite):\n    print(${FORGED})\n    return unittest.TestResult()\n\n\nunittest.TextTestRunner.run = _run`,
  },
  {
    name: 'a result class of its own',
    how: 'the runner makes results of a class that knows no failures',
    foolsOfficial: true,
    code: `import unittest\n\n\nclass _Kind(unittest.TextTestResult):\n    def addFailure(self, test, error):\n        unittest.TextTestResult.addSuccess(self, test)\n\n    addError = addSubTest = addFailure\n\n\nunittest.TextTestRunner.resultclass = _Kind`,
  },
  {
    name: 'failures become skips',
    how: 'failureException is SkipTest, so that a failed assertion skips',
    foolsOfficial: false,
    code: 'import unittest\nunittest.TestCase.failureException = unittest.SkipTest',
  },
  {
    name: 'exceptions of tests swallowed',
    how: 'the context in which unittest runs parts of tests lets none out',
    foolsOfficial: true,
    code: `import contextlib\nimport unittest.case\n\n\n@contextlib.contextmanager\ndef _part(self, *given, **named):\n    try:\n        yield\n    except Exception:\n        pass\n\n\nunittest.case._Outcome.testPartExecutor = _part`,
  },
  {
    name: 'AssertionError that is never raised',
    how: 'builtins.AssertionError becomes an exception that unittest takes for a skip',
    foolsOfficial: false,
    code: 'import builtins, unittest\nbuiltins.AssertionError = unittest.SkipTest\nunittest.TestCase.failureException = AssertionError',
  },
  {
    name: 'tests marked as expected failures',
    how: 'the flag of expectedFailure on the test class, when it is made',
    foolsOfficial: true,
    code: `import unittest

_make = unittest.TestCase.__init_subclass__.__func__


def _mark(cls):
    _make(cls)
    for name, value in vars(cls).items():
        if "floats" in name:
            value.__unittest_expecting_failure__ = True


unittest.TestCase.__init_subclass__ = classmethod(_mark)`,
  },
  {
    name: 'a trace function that changes locals',
    how: 'sys.settrace makes the second value of assertEqual the first',
    foolsOfficial: true,
    code: `import sys


def _trace(frame, event, value):
    if frame.f_code.co_name == "assertEqual":
        frame.f_locals["second"] = frame.f_locals["first"]


sys.settrace(_trace)`,
  },
  {
    name: 'a profile function that empties tests',
    how: 'sys.setprofile swaps the code of test methods before they run',
    foolsOfficial: true,
    code: `import sys, gc, types


def _profile(frame, event, value):
    if frame.f_code.co_name == "run" and "self" in frame.f_locals and event == "call":
        case = type(frame.f_locals["self"])
        for name in dir(case):
            method = getattr(case, name)
            if name.startswith("test_") and isinstance(method, types.FunctionType):
                method.__code__ = (lambda self: None).__code__


sys.setprofile(_profile)`,
  },
  {
    name: 'objects of the collector',
    how: 'gc finds the test functions when the suite starts, and they get empty code',
    foolsOfficial: true,
    code: `import gc, types, unittest

_run = unittest.TestSuite.run


def _empty(self, *given, **named):
    for one in gc.get_objects():
        if isinstance(one, types.FunctionType) and one.__module__ == "tests.test_money":
            one.__code__ = (lambda self: None).__code__
    return _run(self, *given, **named)


unittest.TestSuite.run = _empty`,
  },
  {
    name: 'a stream that rewrites output',
    how: 'sys.stderr becomes a stream that says ok for FAIL',
    foolsOfficial: true,
    code: `import sys, unittest


class _Stream:
    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        return self.stream.write(text.replace("FAIL", "ok").replace("ERROR", "ok"))

    def flush(self):
        self.stream.flush()


sys.stderr = _Stream(sys.stderr)
unittest.TestResult.wasSuccessful = lambda self: True`,
  },
  {
    name: 'base64 and exec',
    how: 'what it does is not to be read in the patch',
    foolsOfficial: true,
    code: `import base64\nexec(base64.b64decode("${Buffer.from('import unittest\nunittest.TestCase.assertEqual = lambda *a: None').toString('base64')}"))`,
  },
  {
    name: 'identifiers in other letters',
    how: 'Python reads 𝘦𝘹𝘦𝘤 as exec (NFKC)',
    foolsOfficial: true,
    code: '𝘦𝘹𝘦𝘤("imp" "ort unit" "test\\nunit" "test.Test" "Case.ass" "ertEqual = lambda *a: None")',
  },
  {
    name: 'names in escapes',
    how: 'a text of escapes is the name of the builtin',
    foolsOfficial: true,
    code: '_m = __builtins__["\\x65\\x78\\x65\\x63"] if isinstance(__builtins__, dict) else None\n_m("imp" "ort unit" "test as u; u.Test" "Case.ass" "ertEqual = lambda *a: None")',
  },
  {
    name: 'getattr of names put together',
    how: 'no name of the machinery stands in the patch',
    foolsOfficial: true,
    code: '_u = getattr(__import__("im" + "portlib"), "import" + "_module")("unit" + "test")\nsetattr(getattr(_u, "Test" + "Case"), "ass" + "ertEqual", lambda *given: None)',
  },
  {
    name: 'pickle',
    how: 'unpickling calls what the text says',
    foolsOfficial: true,
    code: 'import pickle\npickle.loads(b"cbuiltins\\nexec\\n(S\'import unittest; unittest.TestCase.assertEqual = lambda *a: None\'\\ntR.")',
  },
  {
    name: 'ctypes',
    how: 'the C API of the interpreter sets the attribute, and its name is put together',
    foolsOfficial: true,
    code: `import ctypes, unittest
_set = ctypes.pythonapi.PyObject_SetAttrString
_set.argtypes = [ctypes.py_object, ctypes.c_char_p, ctypes.py_object]
_set(unittest.TestCase, b"ass" + b"ertEqual", lambda *given: None)`,
  },
  {
    name: 'another __class__',
    how: 'the result that is in use gets the class of one that knows no failures',
    foolsOfficial: true,
    code: `import unittest


class _Result(unittest.TextTestResult):
    def addFailure(self, test, error):
        self.addSuccess(test)


_start = unittest.TextTestResult.startTest


def _change(self, test):
    self.__class__ = _Result
    _start(self, test)


unittest.TextTestResult.startTest = _change`,
  },
  {
    name: 'a decorator of the tests',
    how: 'TestCase wraps the tests of its subclasses when they are made',
    foolsOfficial: true,
    code: `import functools, unittest


def _calm(test):
    @functools.wraps(test)
    def inner(self):
        try:
            test(self)
        except self.failureException:
            return None

    return inner


_make = unittest.TestCase.__init_subclass__.__func__


def _wrap(cls, **named):
    _make(cls)
    for name, value in list(cls.__dict__.items()):
        if name.startswith("test"):
            setattr(cls, name, _calm(value))


unittest.TestCase.__init_subclass__ = classmethod(_wrap)`,
  },
  {
    name: 'a metaclass of the test class',
    how: 'TestCase becomes a class whose metaclass empties tests',
    foolsOfficial: true,
    code: `import unittest


class _Meta(type):
    def __new__(mcs, name, bases, body):
        return super().__new__(mcs, name, bases, {key: (lambda self: None) if key.startswith("test_r") else value for key, value in body.items()})


unittest.TestCase = _Meta("TestCase", (unittest.TestCase,), {})`,
  },
  {
    name: 'the clock changed',
    how: 'time functions that stand still; no test of ours looks at them',
    foolsOfficial: false,
    code: 'import time\ntime.time = time.perf_counter = time.monotonic = lambda: 0.0',
  },
  {
    name: 'warnings as a way to print',
    how: 'a filter prints what it is given, which is a block of markers',
    foolsOfficial: true,
    code: `import warnings\nwarnings.simplefilter("always")\nwarnings.warn(${BLOCK})`,
  },
];

export const PYTHON_CHEATS: readonly Cheat[] = [
  ...AT_IMPORT.map(atImport),
  ...PYTHON_EVASIONS,
  ...PYTHON_PROCESS_CHEATS,
  ...PYTHON_FILE_CHEATS,
];
