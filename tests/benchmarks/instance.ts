import type { Instance } from '../../src/index.js';

const TEST_PATCH = `diff --git a/tests/test_a.py b/tests/test_a.py
--- a/tests/test_a.py
+++ b/tests/test_a.py
@@ -1,1 +1,2 @@
 x = 1
+diff --git a/in b/hunk.py
diff --git a/tests/data.json b/tests/data.json
--- a/tests/data.json
+++ b/tests/data.json
@@ -1 +1 @@
-1
+2
diff --git a/tests/new.py b/tests/new.py
new file mode 100644
--- /dev/null
+++ b/tests/new.py
@@ -0,0 +1 @@
+y = 1
diff --git a/tests/old.py b/tests/old.py
deleted file mode 100644
--- a/tests/old.py
+++ /dev/null
@@ -1 +0,0 @@
-z = 1
`;

/** A made-up instance; the test patch changes, adds and deletes a file, and has a header inside a hunk. */
export function instance(fields: Partial<Instance> = {}): Instance {
  return {
    schemaVersion: 1,
    instanceId: 'pallets__flask-1',
    repo: 'pallets/flask',
    baseCommit: 'abc123',
    version: '2.3',
    language: 'python',
    problemStatement: '',
    patch: 'THE GOLD PATCH',
    testPatch: TEST_PATCH,
    failToPass: ['tests/test_a.py::a'],
    passToPass: [],
    rowFormat: 'swe-bench-2025',
    rowHash: 'hash',
    ...fields,
  };
}
