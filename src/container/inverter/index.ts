import { JAVASCRIPT } from './javascript.js';
import { PYTHON } from './python.js';

/**
 * A Python program (3.9 and later), `invert.py NONCE WANTED FILE...`, that turns the tests of files into their opposite: Python files and those of node:test. Each assertion of a test
 * function becomes one that must fail where the original holds; a test that meets one which doesn't fail returns, and passes; every other test ends
 * with an error. So whatever passes after this passes for another reason than what it tests. Tests that the ids in the file WANTED name get copies beside them whose names tell nothing: the
 * twin, unchanged, and mutants, which claim the opposite in one or two places and otherwise look like it.
 *
 * Prints a JSON line for each inverted test, and writes the paths of all files, the given ones and new ones, into WANTED, each with a NUL behind it. Tests that are marked
 * as expected to fail are left alone, as are assertions below `try` and `with raises`, and files that don't parse.
 */
export const INVERT = String.raw`${PYTHON}

${JAVASCRIPT}

written = list(FILES)
for path in FILES:
    if re.search(r"\.[cm]?js$", path):
        tests, added = invert_javascript(path)
        written += added
        for test in tests:
            print(json.dumps(dict(test, file=path)))
        continue
    if not path.endswith(".py"):
        continue
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
        add_plain(tree)
    except (SyntaxError, ValueError, OSError):
        continue
    found = []
    TESTS.clear()
    TESTS.update(node.name for node in ast.walk(tree) if is_test(node))
    if not is_marked(tree):
        walk(tree.body, [], found, sum(is_test(node) for node in ast.walk(tree)))
    if not found:
        continue
    helpers = ast.parse(HELPERS).body
    at = 1 if ast.get_docstring(tree) is not None else 0
    while at < len(tree.body) and isinstance(tree.body[at], ast.ImportFrom) and tree.body[at].module == "__future__":
        at += 1
    tree.body[at:at] = helpers
    text = ast.unparse(ast.fix_missing_locations(tree))
    with open(path, "wb") as file:
        file.write(("# coding: utf-8\n" + text + "\n").encode("utf-8", "surrogatepass"))
    for test in found:
        print(json.dumps(dict(test, file=path)))
with open(WANTED, "w", encoding="utf-8") as file:
    file.write("".join(path + "\0" for path in written))
`;
