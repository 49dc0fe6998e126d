/** The part of the program that inverts tests of node:test; it uses `foreign`, `near`, `digest` and `pick` of the Python part. */
export const JAVASCRIPT = String.raw`TEXT = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
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


def foreign_javascript(literal):
    other = digest(literal)
    return literal[0] + other + literal[-1] if literal[0] in "'\"" else str(10007 + int(other[:8], 16) % 90001)


def near_javascript(literal):
    if literal[0] in "'\"":
        return literal[:-1] + near("") + literal[-1]
    return str(near(float(literal))).removesuffix(".0")


def changed_javascript(expected, other=foreign_javascript):
    "The text of a literal with another value in it; None where it is none, or has nothing to change."
    rest = re.sub(NUMBER, "0", re.sub(TEXT, "0", expected)).strip()
    if not re.fullmatch(r"-?0|[\[{][\s\[\]{}(),:\w$-]*[\]}]", rest):
        return None
    result = re.sub(TEXT + "|" + NUMBER, lambda match: other(match.group(0)), expected, count=1)
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


TITLE = re.compile(r"\b(?:it|test)\(\s*(['\"\x60])(.*?)\1")
JS_OPPOSITE = {"equal": "notEqual", "strictEqual": "notStrictEqual", "deepEqual": "notDeepEqual", "deepStrictEqual": "notDeepStrictEqual",
               "throws": "doesNotThrow", "rejects": "doesNotReject", "match": "doesNotMatch"}
JS_OPPOSITE.update({b: a for a, b in JS_OPPOSITE.items()})


def contradictions_javascript(text, start, end, asserts):
    "Replacements (from, to, text) each of which gives a test between two places the opposite of a claim that it surely reaches."
    line = text.find("\n", start, end) + 1
    indent = re.compile(r"[ \t]*").match(text, line).group(0) if line else ""
    call = r"(?:await )?(?:%s)(?:\.(\w+))?\(" % "|".join(sorted(asserts))
    first = re.compile(r"[^\n=]*=>\s*\{?[ \t]*" + call).match(text, start, end)
    stop = re.compile(r"^%s(?:return|if)\b" % indent, re.M).search(text, line, end) if indent else None
    later = re.compile(r"^%s%s" % (indent, call), re.M).finditer(text, line, stop.start() if stop else end) if indent else []
    result = []
    for match in ([first] if first else []) + list(later):
        bounds = arguments(text, match.end()) or []
        name = match.group(1) or "ok"
        if name in JS_OPPOSITE:
            other = changed_javascript(text[slice(*bounds[1])], near_javascript) if "qual" in name and name[:3] != "not" and len(bounds) > 1 else None
            result.append(bounds[1] + (other,) if other else match.span(1) + (JS_OPPOSITE[name],))
        elif name == "ok" and bounds:
            begin, close = bounds[0]
            result.append((begin, close, "!(" + text[begin:close] + ")"))
    return result


def copies_javascript(path, text, asserts):
    "Writes the unchanged tests and mutants into files beside the given one; gives their titles by the real ones, and the files' names."
    tests = list(TITLE.finditer(text))
    ends = [match.start() for match in tests[1:]] + [len(text)]
    titles, names = {}, []
    if not any(match.group(2) in IDS for match in tests):
        return titles, names
    for kind in ("twins", "mutants"):
        parts, last = [], 0
        for match, end in zip(tests, ends):
            title = match.group(2)
            parts += [text[last:match.start(2)], digest(kind + title)[:12]]
            last = match.end(2)
            if kind == "mutants" and title in IDS:
                certain = contradictions_javascript(text, last, end, asserts)
                if not certain:
                    continue
                begin, close, other = pick(title, certain)
                parts += [text[last:begin], other]
                last = close
            if title in IDS:
                titles.setdefault(title, {})[kind] = [digest(kind + title)[:12]]
        name = digest(kind + path)[:12] + os.path.splitext(path)[1]
        names.append(name)
        with open(os.path.join(os.path.dirname(path), name), "w", encoding="utf-8") as file:
            file.write("".join(parts) + text[last:])
    return titles, names


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
        return [], []
    asserts = {"assert"}
    for match in esm.finditer(text):
        if match.group("module") != "test":
            asserts.update(filter(None, [match.group("default"), match.group("star")]))
    copies, names = copies_javascript(path, text, asserts)
    load = "import './%s';" if esm.search(text) else "require('./%s');"
    text = change_expected(text, name, asserts)
    tests = [dict(copies.get(match.group(2), {}), title=match.group(2)) for match in TITLE.finditer(text)]
    text = esm.sub(imported, text)
    text = cjs.sub(lambda match: "%s.%s(%s)" % (name, wrap[match.group("module")], match.group(0)), text)
    with open(path, "w", encoding="utf-8") as file:
        file.write("%s\nconst %s = %s;\n%s" % (" ".join(load % one for one in sorted(names)), name, JAVASCRIPT, text))
    return tests, [os.path.join(os.path.dirname(path), one) for one in names]


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
`;
