import { words } from './words.js';

/** Names with which JavaScript and TypeScript can reach what is not their own: a module reaches only what it imports, what is global, and prototypes. */
export const JAVASCRIPT = new RegExp(
  [
    words(
      'process global globalThis window self child_process worker_threads eval Function __proto__ setPrototypeOf getPrototypeOf Reflect Proxy',
      'defineProperty defineProperties __defineGetter__ __defineSetter__ __lookupGetter__ console callee caller prepareStackTrace captureStackTrace',
      'stackTraceLimit toPrimitive hasInstance valueOf Atomics WebAssembly getOwnProperty\\w+',
    ),
    '\\bmodule\\b(?!\\.exports\\b)|constructor(?!\\()|[.?]\\s*constructor|prototype',
    '\\bfrom\\s*[\'"](?!\\.)|\\bimport\\s*[\'"(]|\\brequire\\b(?!\\(\\s*[\'"]\\.)|\\breturn\\s+this\\b(?!\\.)|\\bthis\\s*\\[',
    '\\[[^\\]]*[\'"`]\\s*\\+|\\+\\s*[\'"`][^\\[]*\\]|\\[\\s*`',
    '\\b(Date|Math|JSON|Object|Array|String|Number|Promise|Error|Map|Set)\\.\\w+\\s*=(?!=)',
    '\\b(set(Timeout|Interval|Immediate)|queueMicrotask|Date)\\s*=(?!=)',
    // octal escapes; files, folders above the tree and what isn't written as a module
    '\\\\[0-9]',
    '\\b(open|write\\w*|append\\w*File|copyFile\\w*|rename|symlink|link)\\(|(\\.\\./){3}|node_modules',
    '[\'"]\\.{1,2}/[^\'"]*\\.(?!([cm]?js|[cm]?tsx?|json)[\'"])\\w+[\'"]',
    '\\bok \\d|# (pass|fail|tests)|>>>>>',
  ].join('|'),
  'm',
);

/** Members by a name that is not to be read here: of use only to code that puts names together. */
export const JAVASCRIPT_MEMBERS =
  /(?<![=(,:?&|{[>]\s*)(?<=[\w$)\]]|\?\.)\[\s*[A-Za-z_$(]|[{,]\s*\[[^\]]*\]\s*:/;

/** What makes texts out of others in JavaScript. */
export const JAVASCRIPT_TEXTS = new RegExp(
  [
    '[\'"`]\\s*\\+|\\+\\s*[\'"`]|\\$\\{|\\+=|[\\w$)\\]]\\s*\\+\\s*[A-Za-z_$([]|\\bString\\b|\\bfor\\b.*\\bin\\b',
    '\\.(join|concat|replace\\w*|split|slice|substr\\w*|char\\w+|at|repeat|pad\\w+|trim\\w*|to[A-Z]\\w+|normalize|from\\w+|raw|match\\w*|exec|reverse\\w*)\\b',
    '\\.(parse|name|source|description|stack|message|keys|entries)\\b|\\b(atob|unescape|decode\\w+|Text\\w+|Buffer|Intl)\\b',
  ].join('|'),
);
