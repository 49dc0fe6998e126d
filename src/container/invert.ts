/**
 * A Python program (3.9 and later) that turns the tests of files into their opposite: `invert.py NONCE FILE...`, Python files and those of node:test. Each assertion of a test function becomes one that
 * must fail where the original holds; a test that meets one which doesn't fail returns, and passes; every other test ends with an AssertionError. So
 * whatever passes after this passes for another reason than what it tests. Beside each Python test stands the unchanged one, under another name. Prints a JSON line for each inverted test. Tests that are marked as
 * expected to fail are left alone, as are assertions below `try` and `with raises`, and files that don't parse.
 */
export const INVERT = String.raw`import ast, copy, hashlib, json, re, sys

NONCE, FILES = sys.argv[1], sys.argv[2:]
NEVER, ERROR, HOLLOW = "Never" + NONCE, "Error" + NONCE, "found" + NONCE
EXPECTED = re.compile("xfail|expectedfailure", re.I)
RAISES = {"assertRaises", "assertRaisesRegex", "assertRaisesRegexp", "assertRaisesMessage", "raises", "assert_raises", "assert_raises_regex"}
EQUAL = {"assertEqual", "assertEquals", "assertListEqual", "assertTupleEqual", "assertSetEqual", "assertDictEqual", "assertSequenceEqual",
         "assertMultiLineEqual", "assertCountEqual", "assertItemsEqual", "assertHTMLEqual", "assertQuerysetEqual", "assertQuerySetEqual",
         "eq_"}  # not those of numpy: an empty array equals anything there
PAIRS = [("assertTrue", "assertFalse"), ("assertIn", "assertNotIn"), ("assertIs", "assertIsNot"), ("assertIsNone", "assertIsNotNone"),
         ("assertIsInstance", "assertNotIsInstance"), ("assertGreater", "assertLessEqual"), ("assertLess", "assertGreaterEqual"),
         ("assertAlmostEqual", "assertNotAlmostEqual"), ("assertRegex", "assertNotRegex")]
OPPOSITE = dict(PAIRS + [(b, a) for a, b in PAIRS] + [("assert_", "assertFalse"), ("assertNotEqual", "assertEqual"), ("assertNotEquals", "assertEqual")])
FOREIGN = {"assertIn", "assertGreater", "assertGreaterEqual", "assertLess", "assertLessEqual"}


def name_of(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def never():
    return ast.Call(func=ast.Name(id=NEVER, ctx=ast.Load()), args=[], keywords=[])


def is_raises(node):
    return isinstance(node, ast.Call) and name_of(node) in RAISES


def with_error(call):
    return ast.Call(func=call.func, args=[ast.Name(id=ERROR, ctx=ast.Load())] + call.args[1:], keywords=call.keywords)


def changed(node):
    "A literal, or a call of a class with literals, with another value in it; None where there is nothing to change."
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, (bool, type(None), type(Ellipsis))):
            return ast.Constant(value="not %r" % (value,))
        if isinstance(value, (int, float, complex)):
            return ast.Constant(value=value + 1000003)
        return ast.Constant(value=value + (b"~1000003" if isinstance(value, bytes) else "~1000003"))
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)) and node.elts:
        first = changed(node.elts[0])
        return first and type(node)(elts=[first] + node.elts[1:], **({} if isinstance(node, ast.Set) else {"ctx": ast.Load()}))
    if isinstance(node, ast.Dict) and node.values:
        first = changed(node.values[0])
        return first and ast.Dict(keys=node.keys, values=[first] + node.values[1:])
    if isinstance(node, ast.Call) and name_of(node)[:1].isupper() and node.args and not node.keywords:
        first = changed(node.args[0])
        return first and ast.Call(func=node.func, args=[first] + node.args[1:], keywords=[])
    return None


def sides(left, right):
    "Pairs that are not equal where left equals right. What the test expects is nowhere left: whoever reads it reads another value."
    other = changed(right)
    return [(left, other or never()), (never(), other or right)] + ([(left, never())] if other else [])


def loose(node):
    "Compares with what is meant to equal anything."
    return any(getattr(n, "attr", getattr(n, "id", "")) in ("ANY", "approx") for n in ast.walk(node))


def opposites(statement):
    "Statements each of which must raise where the given one holds; none when it asserts nothing that is known."
    if isinstance(statement, ast.Assert):
        test = statement.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq) and not loose(test):
            pairs = sides(test.left, test.comparators[0])
            return [ast.Assert(test=ast.Compare(left=a, ops=[ast.Eq()], comparators=[b]), msg=None) for a, b in pairs]
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.In, ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
            foreign = ast.Compare(left=never(), ops=test.ops, comparators=test.comparators)
            return [ast.Assert(test=t, msg=None) for t in (ast.UnaryOp(op=ast.Not(), operand=test), foreign)]
        return [ast.Assert(test=ast.UnaryOp(op=ast.Not(), operand=test), msg=None)]
    if isinstance(statement, ast.With) and any(is_raises(item.context_expr) for item in statement.items):
        items = [ast.withitem(context_expr=with_error(i.context_expr) if is_raises(i.context_expr) and i.context_expr.args else i.context_expr,
                              optional_vars=i.optional_vars) for i in statement.items]
        return [ast.With(items=items, body=statement.body, type_comment=None)]
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return []
    call, name = statement.value, name_of(statement.value)
    if is_raises(call) and len(call.args) > 1:
        return [ast.Expr(value=with_error(call))]
    if name in EQUAL and len(call.args) >= 2 and not loose(call):
        pairs = sides(call.args[0], call.args[1])
        return [ast.Expr(value=ast.Call(func=call.func, args=[a, b] + call.args[2:], keywords=call.keywords)) for a, b in pairs]
    if name in OPPOSITE and isinstance(call.func, ast.Attribute):
        func = ast.Attribute(value=call.func.value, attr=OPPOSITE[name], ctx=ast.Load())
        result = [ast.Expr(value=ast.Call(func=func, args=call.args, keywords=call.keywords))]
        if name in FOREIGN and call.args:
            result.append(ast.Expr(value=ast.Call(func=call.func, args=[never()] + call.args[1:], keywords=call.keywords)))
        return result
    return []


def must_raise(statement):
    found = ast.parse("%s.append(1)\nreturn_here" % HOLLOW).body[:1] + [ast.Return(value=None)]
    handler = ast.ExceptHandler(type=ast.Name(id="BaseException", ctx=ast.Load()), name=None, body=[ast.Pass()])
    return ast.Try(body=[statement], handlers=[handler], orelse=found, finalbody=[])


def inverted(statements):
    result = []
    for statement in statements:
        changed = opposites(statement)
        if changed:
            result.extend(must_raise(s) for s in changed)
            continue
        if isinstance(statement, (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)):
            statement.body = inverted(statement.body)
            if getattr(statement, "orelse", None):
                statement.orelse = inverted(statement.orelse)
        result.append(statement)
    return result


def invert(function):
    body = function.body
    doc = ast.get_docstring(function)
    head = body[:1] if doc is not None else []
    rest = inverted(body[len(head):]) or [ast.Pass()]
    check = ast.parse("if not %s:\n    raise AssertionError('inverted')" % HOLLOW).body
    start = ast.parse("%s = []" % HOLLOW).body
    function.body = head + start + [ast.Try(body=rest, handlers=[], orelse=[], finalbody=check)]
    lines = (doc or "").strip().splitlines()
    return lines[0].strip() if lines else None


def twin(function):
    "The same test as it was, under a name that tells nothing: it shows whether the code does what it did before."
    other = copy.deepcopy(function)
    other.name = "test_" + hashlib.sha256((NONCE + function.name).encode()).hexdigest()[:12]
    if ast.get_docstring(other) is not None:
        other.body = other.body[1:] or [ast.Pass()]
    return other


def walk(body, classes, found):
    for node in list(body):
        if any(EXPECTED.search(ast.unparse(d)) for d in getattr(node, "decorator_list", [])):
            continue
        if isinstance(node, ast.ClassDef):
            walk(node.body, classes + [node.name], found)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
            other = twin(node)
            body.insert(body.index(node) + int(other.name[-1], 16) % 2, other)
            doc = invert(node)
            found.append(dict({"classes": classes, "name": node.name, "twin": other.name}, **({"doc": doc} if doc else {})))
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "finalbody"):
                walk(getattr(node, part, []), classes, found)
            for handler in getattr(node, "handlers", []):
                walk(handler.body, classes, found)


def is_marked(tree):
    return any(isinstance(n, ast.Assign) and any(getattr(t, "id", "") == "pytestmark" for t in n.targets) and EXPECTED.search(ast.unparse(n.value))
               for n in ast.walk(tree))


TEXT = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
NUMBER = r"(?<![\w.$])\d+(?:\.\d+)?(?![\w.])"


def arguments(text, start):
    "Bounds of the arguments of a call whose parenthesis opens before start; None where they can't be told."
    depth, bounds, begin, at = 0, [], start, start
    while at < len(text):
        string = re.compile(TEXT).match(text, at)
        char = text[at]
        if string:
            at = string.end()
            continue
        if char in "'\"/\x60":
            return None
        if char in ")]}" and depth == 0:
            return bounds + [(begin, at)]
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            bounds.append((begin, at))
            begin = at + 1
        at += 1
    return None


def changed_javascript(expected):
    "The text of a literal with another value in it; None where it is none, or has nothing to change."
    rest = re.sub(NUMBER, "0", re.sub(TEXT, "0", expected)).strip()
    if not re.fullmatch(r"-?0|[\[{][\s\[\]{}(),:\w$-]*[\]}]", rest):
        return None
    def other(match):
        literal = match.group(0)
        return literal[:-1] + "~1000003" + literal[-1] if literal[0] in "'\"" else str(float(literal) + 1000003).removesuffix(".0")
    result = re.sub(TEXT + "|" + NUMBER, other, expected, count=1)
    return None if result == expected else result


def change_expected(text, name, asserts):
    "Gives equalities with a literal another one, and says so: what the test expects is nowhere left."
    call = re.compile(r"\b(%s)\.((?:deep)?(?:Strict|strict)?[eE]qual)\(" % "|".join(sorted(asserts)))
    result, last = [], 0
    for match in call.finditer(text):
        bounds = arguments(text, match.end())
        if match.start() < last or bounds is None or len(bounds) < 2:
            continue
        begin, end = bounds[1]
        other = changed_javascript(text[begin:end])
        if other is not None:
            result += [text[last:match.start()], "%s.other(%s).%s(" % (name, match.group(1), match.group(2)), text[match.end():begin], other]
            last = end
    return "".join(result) + text[last:]


def invert_javascript(path):
    "Tests of node:test with node:assert: their modules are wrapped where the file imports them."
    with open(path, encoding="utf-8") as file:
        text = file.read()
    wrap = {"test": "testsOf", "assert": "assertOf", "assert/strict": "assertOf"}
    name = "inverted" + NONCE
    count = [0]

    def imported(match):
        default, names, star, module = match.group("default"), match.group("names"), match.group("star"), match.group("module")
        count[0] += 1
        own = "%s_%d" % (name, count[0])
        lines = ["import * as %s from 'node:%s';" % (own, module)]
        if default or star:
            lines.append("const %s = %s.%s(%s.default);" % (default or star, name, wrap[module], own))
        if names:
            lines.append("const {%s} = %s.%s(%s);" % (re.sub(r"\bas\b", ":", names), name, wrap[module], own))
        return " ".join(lines)

    modules = r"['\"](?:node:)?(?P<module>test|assert/strict|assert)['\"]"
    esm = re.compile(r"^import\s+(?:(?P<default>\w+)\s*,?\s*)?(?:\{(?P<names>[^}]*)\}|\*\s*as\s+(?P<star>\w+))?\s*from\s*" + modules + ";?", re.M)
    cjs = re.compile(r"\brequire\(\s*" + modules + r"\s*\)")
    if not re.search(r"(from|require\()\s*['\"](node:)?test['\"]", text):
        return []
    asserts = {"assert"}
    for match in esm.finditer(text):
        if match.group("module") != "test":
            asserts.update(filter(None, [match.group("default"), match.group("star")]))
    text = change_expected(text, name, asserts)
    titles = [match.group(2) for match in re.finditer(r"\b(?:it|test)\(\s*(['\"\x60])(.*?)\1", text)]
    text = esm.sub(imported, text)
    text = cjs.sub(lambda match: "%s.%s(%s)" % (name, wrap[match.group("module")], match.group(0)), text)
    with open(path, "w", encoding="utf-8") as file:
        file.write("const %s = %s;\n%s" % (name, JAVASCRIPT, text))
    return titles


JAVASCRIPT = """(() => {
  const state = { found: false };
  class Never {}
  class Other extends Error {}
  const met = () => { state.found = true; throw new Other(); };
  const mustThrow = (call) => { try { call(); } catch { return; } met(); };
  const others = new WeakMap();
  const other = (asserts) => others.get(asserts) ?? asserts;
  const assertOf = (module) => {
    const a = module.default ?? module;
    const ok = (value) => mustThrow(() => a.ok(!value));
    const result = Object.assign(ok, a, { ok, default: ok, strict: ok });
    const changed = {};
    for (const name of ['equal', 'strictEqual', 'deepEqual', 'deepStrictEqual']) {
      const opposite = 'not' + name[0].toUpperCase() + name.slice(1);
      result[name] = (x, y) => { mustThrow(() => a[name](x, new Never())); mustThrow(() => a[name](new Never(), y)); };
      result[opposite] = (x, y) => mustThrow(() => a[name](x, y));
      changed[name] = (x, y) => { result[opposite](x, y); result[name](x, y); };
    }
    others.set(result, changed);
    result.throws = (call) => mustThrow(() => a.throws(call, Never));
    result.rejects = async (given) => { try { await a.rejects(given, Never); } catch { return; } met(); };
    result.match = (text, like) => mustThrow(() => a.doesNotMatch(text, like));
    result.doesNotMatch = (text, like) => mustThrow(() => a.match(text, like));
    return result;
  };
  const testOf = (test) => {
    const result = (...given) => {
      const at = given.findIndex((value) => typeof value === 'function');
      const body = given[at];
      if (at >= 0)
        given[at] = async function (...values) {
          state.found = false;
          try { await body.apply(this, values); } catch (error) { if (!state.found) throw error; }
          if (!state.found) throw new Error('inverted');
        };
      return test(...given);
    };
    return Object.assign(result, { skip: test.skip, todo: test.todo, only: test.only === undefined ? undefined : (...given) => result(...given) });
  };
  const testsOf = (module) => {
    const own = { ...module };
    for (const name of ['it', 'test', 'default']) if (typeof own[name] === 'function') own[name] = testOf(own[name]);
    return typeof module === 'function' ? Object.assign(testOf(module), own) : own;
  };
  return { assertOf, other, testsOf };
})()"""

for path in FILES:
    if re.search(r"\.[cm]?js$", path):
        for title in invert_javascript(path):
            print(json.dumps({"file": path, "title": title}))
        continue
    if not path.endswith(".py"):
        continue
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (SyntaxError, ValueError, OSError):
        continue
    found = []
    if not is_marked(tree):
        walk(tree.body, [], found)
    if not found:
        continue
    helpers = ast.parse("class %s:\n    pass\nclass %s(Exception):\n    pass" % (NEVER, ERROR)).body
    at = 1 if ast.get_docstring(tree) is not None else 0
    while at < len(tree.body) and isinstance(tree.body[at], ast.ImportFrom) and tree.body[at].module == "__future__":
        at += 1
    tree.body[at:at] = helpers
    text = ast.unparse(ast.fix_missing_locations(tree))
    with open(path, "wb") as file:
        file.write(("# coding: utf-8\n" + text + "\n").encode("utf-8", "surrogatepass"))
    for test in found:
        print(json.dumps(dict(test, file=path)))
`;
