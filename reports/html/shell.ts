import { sha256Base64 } from '../../src/index.js';
import type { Page } from './model.js';
import { titleOf } from './title.js';

/** The application of the page, as built: one script and one style sheet. */
export interface Bundle {
  readonly script: string;
  readonly style: string;
}

/** Blobs by key, gzip in base64, that a page carries in itself. */
type Inline = readonly (readonly [key: string, base64: string])[];

/**
 * A page that is one file and asks no network for anything. Its policy lets no script run but the bundle, by its hash, and the files with
 * logs beside it, which hold base64 alone: nothing that a model or a log says can become code.
 */
export function pageFile(
  page: Page,
  bundle: Bundle,
  { inline, beside }: { readonly inline: Inline; readonly beside?: string },
): string {
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${sha256Base64(bundle.script)}'${beside === undefined ? '' : ` 'self' file:`}`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return [
    head(titleOf(page), policy, bundle.style),
    '<body><div id="app"></div>',
    `<script type="application/json" id="page">${embeddedJson({ page, beside })}</script>`,
    `<script>${bundle.script}</script>`,
    ...inline.map(([key, base64]) => `<script type="text/plain" data-blob="${key}">${base64}</script>`),
    '</body></html>',
    '',
  ].join('\n');
}

/** The same application, for a server that answers under `/api/`. */
export function servedPage(): string {
  return [
    head('assay', undefined, undefined),
    '<body><div id="app"></div><script src="/app.js"></script></body></html>',
    '',
  ].join('\n');
}

function head(title: string, policy: string | undefined, style: string | undefined): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    ...(policy === undefined ? [] : [`<meta http-equiv="Content-Security-Policy" content="${policy}">`]),
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">',
    `<title>${escapeHtml(title)}</title>`,
    style === undefined ? '<link rel="stylesheet" href="/app.css">' : `<style>${style}</style>`,
    '</head>',
  ].join('\n');
}

/** JSON that can't end the element it stands in. */
function embeddedJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
