import { harmless } from '../../src/index.js';

/** An element; `content` is XML already. Attributes are other people's text, and those that are undefined are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content = '',
): string {
  const pairs = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${xmlText(String(value))}"`],
  );
  return content === '' ? `<${name}${pairs.join('')}/>` : `<${name}${pairs.join('')}>${content}</${name}>`;
}

/** Any text inside an element or an attribute; a character that XML 1.0 can't hold (section 2.2) is spelled out as in JSON. */
export function xmlText(text: string): string {
  return harmless(text)
    .replace(
      /[\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16)}`,
    )
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
