// The application of HTML reports: one script and one style sheet, in dist/reports/html/.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
await build({
  entryPoints: { app: join(root, 'reports/html/app/main.tsx') },
  outdir: join(root, 'dist/reports/html'),
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['chrome110', 'firefox113', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  // `</script>` in the bundle would end the element that it stands in.
  supported: { 'inline-script': false },
  logLevel: 'warning',
});
