/** The part of the program that inverts Python tests. */
export const PYTHON = String.raw`import ast, copy, hashlib, json, os, re, sys

if not hasattr(ast, "unparse"):
    sys.exit(255)
NONCE, WANTED, FILES = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(WANTED, encoding="utf-8") as wanted:
    IDS = wanted.read()
WORDS = set(re.findall(r"\w+", IDS))


def digest(seed):
    return hashlib.sha256((NONCE + seed).encode("utf-8", "surrogatepass")).hexdigest()


NEVER, ERROR, HOLLOW, HELD, MADE, HOLDER = ("x" + digest(name)[:12] for name in ("never", "error", "found", "held", "made", "holder"))
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


def holder(node):
    "What is looked into for something that it doesn't hold: an endless iterator would be looked into for ever."
    return ast.Call(func=ast.Name(id=HOLDER, ctx=ast.Load()), args=[node], keywords=[])


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


PLAIN = {"Decimal", "Fraction"}


def add_plain(tree):
    """Classes that the tests import from the tree and that surely make an instance of their own of all they are called with. Others may make
    the same of two values (a sum, zero)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.level or not node.module:
            continue
        for end in (".py", "/__init__.py"):
            path = node.module.replace(".", "/") + end
            for path in filter(os.path.isfile, (path, "src/" + path, "lib/" + path)):
                try:
                    with open(path, "rb") as file:
                        module = ast.parse(file.read())
                except (SyntaxError, ValueError, OSError):
                    continue
                names = {alias.name for alias in node.names if not alias.asname}
                PLAIN.update(one.name for one in module.body if isinstance(one, ast.ClassDef) and one.name in names and not one.bases
                             and not one.keywords and not any(getattr(part, "name", "") == "__new__" for part in one.body))


def changed(node, other=foreign):
    """A literal, or a call of a class with literals, with another value in it; None where there is nothing to change. What a class that may
    make anything makes counts only when it is an instance of its own, and near values don't go there."""
    if isinstance(node, ast.Constant):
        value = other(node.value)
        return None if value is node.value else ast.Constant(value=value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        first = changed(node.operand, other)
        return first and ast.UnaryOp(op=node.op, operand=first)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)) and node.elts:
        first = changed(node.elts[0], other)
        return first and type(node)(elts=[first] + node.elts[1:], **({} if isinstance(node, ast.Set) else {"ctx": ast.Load()}))
    if isinstance(node, ast.Dict) and node.values:
        first = changed(node.values[0], other)
        return first and ast.Dict(keys=node.keys, values=[first] + node.values[1:])
    if isinstance(node, ast.Call) and name_of(node)[:1].isupper() and node.args and not node.keywords:
        first = changed(node.args[0], other)
        if first and other is near:
            return ast.Call(func=node.func, args=[first] + node.args[1:], keywords=[]) if name_of(node) in PLAIN else None
        return first and ast.Call(func=ast.Name(id=MADE, ctx=ast.Load()), args=[node.func, first] + node.args[1:], keywords=[])
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
            inside = holder(test.comparators[0]) if isinstance(test.ops[0], ast.In) else test.comparators[0]
            foreign = ast.Compare(left=never(), ops=test.ops, comparators=[inside])
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
            rest = [holder(call.args[1])] + call.args[2:] if name == "assertIn" and len(call.args) > 1 else call.args[1:]
            result.append(ast.Expr(value=ast.Call(func=call.func, args=[never()] + rest, keywords=call.keywords)))
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


# As many tests of a file that passed before the patch, too, are inverted with all they do; the others fail at once.
SAMPLE = 20


def is_sampled(function, count):
    return function.name in WORDS or int(digest("sample" + function.name)[:8], 16) / 2**32 * count < SAMPLE


def invert(function, count):
    body = function.body
    doc = ast.get_docstring(function)
    head = body[:1] if doc is not None else []
    check = ast.parse("if not %s:\n    raise AssertionError('inverted')" % HOLLOW).body
    start = ast.parse("%s = []" % HOLLOW).body
    rest = inverted(body[len(head):]) if is_sampled(function, count) else []
    function.body = head + start + [ast.Try(body=rest or [ast.Pass()], handlers=[], orelse=[], finalbody=check)]
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
UNLIKELY = ["BufferError", "FloatingPointError", "ModuleNotFoundError", "RecursionError", "ConnectionResetError"]


def contradiction(statement):
    "The opposite claim, written as people write one, and whether that changes a value alone; None where it isn't certain to fail when the given one holds."
    if isinstance(statement, ast.Assert):
        test = statement.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            op, right = test.ops[0], test.comparators[0]
            if loose(test):
                return None
            other = changed(right, near) if isinstance(op, ast.Eq) else None
            compare = ast.Compare(left=test.left, ops=[op if other else NEGATED[type(op)]()], comparators=[other or right])
            return ast.Assert(test=compare, msg=statement.msg), bool(other)
        positive = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        return ast.Assert(test=test.operand if positive else ast.UnaryOp(op=ast.Not(), operand=test), msg=statement.msg), False
    error = pick("error", UNLIKELY)
    if isinstance(statement, ast.With) and any(is_raises(item.context_expr) and item.context_expr.args for item in statement.items):
        return with_errors(statement, error), False
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return None
    call, name = statement.value, name_of(statement.value)
    if is_raises(call) and len(call.args) > 1:
        return ast.Expr(value=with_error(call, error)), False
    if name in EQUAL and len(call.args) >= 2 and not loose(call):
        other = changed(call.args[1], near)
        if other:
            args = [call.args[0], other] + call.args[2:]
            return ast.Expr(value=ast.Call(func=call.func, args=args, keywords=call.keywords)), True
        return (renamed_call(call, "assertNotEqual"), False) if name in EXACT and isinstance(call.func, ast.Attribute) else None
    if name in OPPOSITE and isinstance(call.func, ast.Attribute):
        return renamed_call(call, OPPOSITE[name]), False
    return None


def is_filled(node, names):
    return isinstance(node, (ast.List, ast.Tuple)) and bool(node.elts) or getattr(node, "id", None) in names


def may_leave(node):
    "Whether what comes after a statement may not be reached; what leaves a function within it leaves that one alone."
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return False
    leaves = (ast.Return, ast.Yield, ast.YieldFrom, ast.Continue, ast.Break)
    return isinstance(node, leaves) or any(may_leave(child) for child in ast.iter_child_nodes(node))


def places(body, names):
    "Where a claim is surely reached, as the indexes of statements one within the other, and what contradicts it. names hold lists that aren't empty."
    for at, statement in enumerate(body):
        opposite = contradiction(statement)
        if opposite:
            yield [at], opposite
        elif isinstance(statement, (ast.With, ast.AsyncWith)) or isinstance(statement, ast.For) and is_filled(statement.iter, names):
            for path, inner in places(statement.body, names):
                yield [at] + path, inner
        if may_leave(statement):
            return
        if isinstance(statement, ast.Assign) and is_filled(statement.value, names):
            names.update(target.id for target in statement.targets if isinstance(target, ast.Name))


def mutants(function):
    """Copies that claim the opposite in places that are surely reached: in one, in another, and in both. Of these and the twin each is as near
    to the others as any, so that comparing them tells nothing. The first place has a changed value where there is one, as that tells least; the
    first copy is one of those that change it."""
    certain = sorted(places(function.body, set()), key=lambda one: (not one[1][1], digest(function.name + str(one[0]))))[:2]
    result = []
    both = [certain[:1], certain] if int(digest(function.name), 16) % 2 else [certain, certain[:1]]
    for chosen in both + [certain[1:]] if len(certain) == 2 else [certain] * len(certain):
        other = copy_of(function, "mutant%s" % [path for path, _ in chosen])
        for path, (opposite, _) in chosen:
            body, at = other.body, path[0] - (len(function.body) - len(other.body))
            for inner in path[1:]:
                body, at = body[at].body, inner
            body[at] = copy.deepcopy(opposite)
        result.append(other)
    return result


def uses_tests(function):
    "Calls other tests, which are inverted."
    return any(getattr(node, "id", getattr(node, "attr", "")).startswith("test") for node in ast.walk(function)
               if isinstance(node, (ast.Name, ast.Attribute)))


def is_test(node):
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test")


def walk(body, classes, found, count):
    for node in list(body):
        if any(EXPECTED.search(ast.unparse(d)) for d in getattr(node, "decorator_list", [])):
            continue
        if isinstance(node, ast.ClassDef):
            walk(node.body, classes + [node.name], found, count)
        elif is_test(node):
            entry = {"classes": classes, "name": node.name}
            if node.name in WORDS:
                others = mutants(node)
                twins = [] if uses_tests(node) else [copy_of(node, "twin")]
                # Code that looks up in the file what a test expects finds a mutant first.
                family = others[:1] + sorted(others[1:] + twins, key=lambda other: digest(other.name))
                at = body.index(node)
                body[at:at] = family
                entry.update(twins=[twin.name for twin in twins], mutants=[other.name for other in others])
            doc = invert(node, count)
            found.append(dict(entry, **({"doc": doc} if doc else {})))
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "finalbody"):
                walk(getattr(node, part, []), classes, found, count)
            for handler in getattr(node, "handlers", []):
                walk(handler.body, classes, found, count)


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
def {holder}(value):
    type(value).__contains__
    return value
""".format(never=NEVER, error=ERROR, held=HELD, made=MADE, holder=HOLDER)


def is_marked(tree):
    return any(isinstance(n, ast.Assign) and any(getattr(t, "id", "") == "pytestmark" for t in n.targets) and EXPECTED.search(ast.unparse(n.value))
               for n in ast.walk(tree))
`;
