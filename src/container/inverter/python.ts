/** The part of the program that inverts Python tests. */
export const PYTHON = String.raw`import ast, copy, hashlib, json, os, re, sys

NONCE, WANTED, FILES = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(WANTED, encoding="utf-8") as wanted:
    IDS = wanted.read()
WORDS = set(re.findall(r"\w+", IDS))


def digest(seed):
    return hashlib.sha256((NONCE + seed).encode("utf-8", "surrogatepass")).hexdigest()


NEVER, ERROR, HOLLOW, HELD, MADE = ("x" + digest(name)[:12] for name in ("never", "error", "found", "held", "made"))
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
    func = getattr(call, "func", None)
    return getattr(func, "attr", getattr(func, "id", ""))


def never():
    return ast.Call(func=ast.Name(id=NEVER, ctx=ast.Load()), args=[], keywords=[])


def is_raises(node):
    return isinstance(node, ast.Call) and name_of(node) in RAISES


def with_error(call, error):
    return ast.Call(func=call.func, args=[ast.Name(id=error, ctx=ast.Load())] + call.args[1:], keywords=call.keywords)


def with_errors(statement, error):
    "A with statement whose raises() wait for another error; a subTest would keep that to itself."
    items = []
    for item in statement.items:
        call = item.context_expr
        if is_raises(call) and call.args:
            call = with_error(call, error)
        if name_of(call) != "subTest":
            items.append(ast.withitem(context_expr=call, optional_vars=item.optional_vars))
    return ast.With(items=items, body=statement.body, type_comment=None)


def renamed_call(call, name):
    return ast.Expr(value=ast.Call(func=ast.Attribute(value=call.func.value, attr=name, ctx=ast.Load()), args=call.args, keywords=call.keywords))


def pick(seed, items):
    return items[int(digest(seed), 16) % len(items)]


def foreign(value):
    "Another value than any code computes, from which the given one can't be told."
    if isinstance(value, (bool, type(None), type(Ellipsis))):
        return "not %r" % (value,)
    other = digest(repr(value))
    if isinstance(value, (int, float, complex)):
        return 10007 + int(other[:8], 16) % 90001  # small: a class may make as many of something
    return other.encode() if isinstance(value, bytes) else other


def near(value):
    "Another value as a person might expect it; the same where there is none."
    if isinstance(value, (bool, type(None), type(Ellipsis), complex)):
        return value
    if isinstance(value, (int, float)):
        return value + pick("number", range(1, 9)) if abs(value) < 1e9 else value * 3
    letter = pick("letter", "abcdefghijklmnopqrstuvwxyz")
    return value + (letter.encode() if isinstance(value, bytes) else letter)


def changed(node, other=foreign, made=None):
    """A literal, or a call of a class with literals, with another value in it; None where there is nothing to change. A class may make the
    same of both (a sum, zero): what it makes counts only when it is an instance of its own, which the calls in made are yet to be checked for."""
    if isinstance(node, ast.Constant):
        value = other(node.value)
        return None if value is node.value else ast.Constant(value=value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        first = changed(node.operand, other, made)
        return first and ast.UnaryOp(op=node.op, operand=first)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)) and node.elts:
        first = changed(node.elts[0], other, made)
        return first and type(node)(elts=[first] + node.elts[1:], **({} if isinstance(node, ast.Set) else {"ctx": ast.Load()}))
    if isinstance(node, ast.Dict) and node.values:
        first = changed(node.values[0], other, made)
        return first and ast.Dict(keys=node.keys, values=[first] + node.values[1:])
    if isinstance(node, ast.Call) and name_of(node)[:1].isupper() and node.args and not node.keywords:
        first = changed(node.args[0], other, made)
        args = [first] + node.args[1:]
        if not first:
            return None
        if made is None:
            return ast.Call(func=ast.Name(id=MADE, ctx=ast.Load()), args=[node.func] + args, keywords=[])
        made.append(ast.Call(func=node.func, args=args, keywords=[]))
        return made[-1]
    return None


def sides(left, right):
    """Pairs that are not equal where left equals right; left is computed once. What the test expects is nowhere left: whoever reads it reads
    another value."""
    other = changed(right)
    if not other:
        return [(left, never()), (never(), right)]
    held = lambda *args: ast.Call(func=ast.Name(id=HELD, ctx=ast.Load()), args=list(args), keywords=[])
    return [(held(left), other), (never(), other), (held(), never())]


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
        return [with_errors(statement, ERROR)]
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return []
    call, name = statement.value, name_of(statement.value)
    if is_raises(call) and len(call.args) > 1:
        return [ast.Expr(value=with_error(call, ERROR))]
    if name in EQUAL and len(call.args) >= 2 and not loose(call):
        pairs = sides(call.args[0], call.args[1])
        return [ast.Expr(value=ast.Call(func=call.func, args=[a, b] + call.args[2:], keywords=call.keywords)) for a, b in pairs]
    if name in OPPOSITE and isinstance(call.func, ast.Attribute):
        result = [renamed_call(call, OPPOSITE[name])]
        if name in FOREIGN and call.args:
            result.append(ast.Expr(value=ast.Call(func=call.func, args=[never()] + call.args[1:], keywords=call.keywords)))
        return result
    return []


def must_raise(statement):
    found = ast.parse("%s.append(1)" % HOLLOW).body + [ast.Return(value=None)]
    handler = ast.ExceptHandler(type=ast.Name(id="BaseException", ctx=ast.Load()), name=None, body=[ast.Pass()])
    return ast.Try(body=[statement], handlers=[handler], orelse=found, finalbody=[])


def inverted(statements):
    result = []
    for statement in statements:
        changed = opposites(statement)
        if changed:
            result.extend(map(must_raise, changed))
            # What it is bound to is asserted on below.
            if isinstance(statement, ast.With) and any(item.optional_vars for item in statement.items):
                result.append(statement)
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


def copy_of(function, kind):
    "A copy under a name that tells nothing of its kind."
    other = copy.deepcopy(function)
    other.name = "test_" + digest(kind + function.name)[:12]
    if ast.get_docstring(other) is not None:
        other.body = other.body[1:] or [ast.Pass()]
    return other


NEGATED = {ast.Eq: ast.NotEq, ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.In: ast.NotIn, ast.Is: ast.IsNot}
NEGATED.update({b: a for a, b in NEGATED.items()})
# Where these hold, != doesn't.
EXACT = {"assertEqual", "assertEquals", "assertListEqual", "assertTupleEqual", "assertSetEqual", "assertDictEqual", "assertMultiLineEqual"}
MUTANTS = 4
UNLIKELY = ["BufferError", "FloatingPointError", "ModuleNotFoundError", "RecursionError", "ConnectionResetError"]


def instances(calls):
    return [ast.parse("assert isinstance(%s, %s)" % (ast.unparse(call), ast.unparse(call.func))).body[0] for call in calls]


def contradiction(statement):
    "The opposite claim, written as people write one, and what it needs to be one; [] where it isn't certain to fail when the given one holds."
    made = []
    if isinstance(statement, ast.Assert):
        test = statement.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            op, right = test.ops[0], test.comparators[0]
            if loose(test):
                return []
            other = changed(right, near, made) if isinstance(op, ast.Eq) else None
            compare = ast.Compare(left=test.left, ops=[op if other else NEGATED[type(op)]()], comparators=[other or right])
            return instances(made) + [ast.Assert(test=compare, msg=statement.msg)]
        positive = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        return [ast.Assert(test=test.operand if positive else ast.UnaryOp(op=ast.Not(), operand=test), msg=statement.msg)]
    error = pick("error", UNLIKELY)
    if isinstance(statement, ast.With) and any(is_raises(item.context_expr) and item.context_expr.args for item in statement.items):
        return [with_errors(statement, error)]
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return []
    call, name = statement.value, name_of(statement.value)
    if is_raises(call) and len(call.args) > 1:
        return [ast.Expr(value=with_error(call, error))]
    if name in EQUAL and len(call.args) >= 2 and not loose(call):
        other = changed(call.args[1], near, made)
        if other:
            args = [call.args[0], other] + call.args[2:]
            return instances(made) + [ast.Expr(value=ast.Call(func=call.func, args=args, keywords=call.keywords))]
        return [renamed_call(call, "assertNotEqual")] if name in EXACT and isinstance(call.func, ast.Attribute) else []
    if name in OPPOSITE and isinstance(call.func, ast.Attribute):
        return [renamed_call(call, OPPOSITE[name])]
    return []


def is_filled(node, names):
    return isinstance(node, (ast.List, ast.Tuple)) and bool(node.elts) or getattr(node, "id", None) in names


def places(body, names):
    "Where a claim is surely reached, as the indexes of statements one within the other, and what contradicts it. names hold lists that aren't empty."
    for at, statement in enumerate(body):
        opposite = contradiction(statement)
        if opposite:
            yield [at], opposite
        elif isinstance(statement, (ast.With, ast.AsyncWith)) or isinstance(statement, ast.For) and is_filled(statement.iter, names):
            for path, inner in places(statement.body, names):
                yield [at] + path, inner
        if any(isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom, ast.Continue, ast.Break)) for node in ast.walk(statement)):
            return
        if isinstance(statement, ast.Assign) and is_filled(statement.value, names):
            names.update(target.id for target in statement.targets if isinstance(target, ast.Name))


def mutants(function):
    "Copies each of which claims the opposite in one place that is surely reached, at most MUTANTS of them."
    certain = sorted(places(function.body, set()), key=lambda one: digest(function.name + str(one[0])))
    result = []
    for path, opposite in certain[:MUTANTS]:
        other = copy_of(function, "mutant%s" % path)
        body, at = other.body, path[0] - (len(function.body) - len(other.body))
        for inner in path[1:]:
            body, at = body[at].body, inner
        body[at:at + 1] = opposite
        result.append(other)
    return result


def uses_tests(function):
    "Calls other tests, which are inverted."
    return any(getattr(node, "id", getattr(node, "attr", "")).startswith("test") for node in ast.walk(function)
               if isinstance(node, (ast.Name, ast.Attribute)))


def walk(body, classes, found):
    for node in list(body):
        if any(EXPECTED.search(ast.unparse(d)) for d in getattr(node, "decorator_list", [])):
            continue
        if isinstance(node, ast.ClassDef):
            walk(node.body, classes + [node.name], found)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
            entry = {"classes": classes, "name": node.name}
            if node.name in WORDS:
                # Code that looks up in the file what a test expects finds a mutant first.
                others = mutants(node)
                twins = [] if uses_tests(node) else [copy_of(node, "twin")]
                at = body.index(node)
                body[at:at] = others
                for twin in twins:
                    body.insert(body.index(node) + int(twin.name[-1], 16) % 2, twin)
                entry.update(twins=[twin.name for twin in twins], mutants=[other.name for other in others])
            doc = invert(node)
            found.append(dict(entry, **({"doc": doc} if doc else {})))
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "finalbody"):
                walk(getattr(node, part, []), classes, found)
            for handler in getattr(node, "handlers", []):
                walk(handler.body, classes, found)


HELPERS = """class {never}:
    pass
class {error}(Exception):
    pass
def {held}(*given):
    {held}.last = given or {held}.last
    return {held}.last[0]
def {made}(kind, *given):
    value = kind(*given)
    return value if isinstance(value, kind) else {never}()
""".format(never=NEVER, error=ERROR, held=HELD, made=MADE)


def is_marked(tree):
    return any(isinstance(n, ast.Assign) and any(getattr(t, "id", "") == "pytestmark" for t in n.targets) and EXPECTED.search(ast.unparse(n.value))
               for n in ast.walk(tree))
`;
