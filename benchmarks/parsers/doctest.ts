import type { StatusMap, TestStatus } from '../../src/index.js';

const TAG = /<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const ATTRIBUTE = /([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

interface Open {
  readonly tag: string;
  readonly name: string;
  passed: boolean;
}

/** doctest's XML report (`-s -r=xml`): id is `TestCase > SubCase`, passed when every expression inside has `success="true"`. */
export function parseDoctest(log: string): StatusMap | undefined {
  const start = log.indexOf('<doctest');
  if (start === -1) return new Map();
  const end = log.indexOf('</doctest>', start);
  if (end === -1) return undefined;
  const xml = log.slice(start, end + '</doctest>'.length);
  const open: Open[] = [];
  const found: Open[] = [];
  for (let at = xml.indexOf('<'); at !== -1; at = xml.indexOf('<', at)) {
    if (xml.startsWith('<!--', at) || xml.startsWith('<![CDATA[', at)) {
      at = xml.indexOf(xml.startsWith('<!--', at) ? '-->' : ']]>', at);
      if (at === -1) return undefined;
      continue;
    }
    TAG.lastIndex = at;
    const [text, closing, tag = '', attributes = '', alone] = TAG.exec(xml) ?? [];
    if (text === undefined) return undefined;
    at += text.length;
    if (closing === '/') {
      if (open.pop()?.tag !== tag) return undefined;
      continue;
    }
    const values = attributesOf(attributes);
    const owner = open.findLast((element) => element.tag === 'TestCase');
    const name = `${tag === 'SubCase' ? `${owner?.name} > ` : ''}${values.get('name') ?? 'None'}`;
    const element = { tag, name, passed: true };
    if (tag === 'SubCase' && owner !== undefined) found.push(element);
    if (tag === 'Expression' && values.get('success') !== 'true')
      for (const around of open) around.passed = false;
    if (alone === '') open.push(element);
  }
  if (open.length > 0) return undefined;
  return new Map(found.map(({ name, passed }): [string, TestStatus] => [name, passed ? 'PASSED' : 'FAILED']));
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(ATTRIBUTE)].map(([, name = '', double, single]) => [
      name,
      decoded(double ?? single ?? ''),
    ]),
  );
}

function decoded(text: string): string {
  return text
    .replace(/[\t\n]/g, ' ')
    .replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g, (entity, decimal, hex, name) => {
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      return ENTITIES[name ?? ''] ?? (code <= 0x10ffff ? String.fromCodePoint(code) : entity);
    });
}
