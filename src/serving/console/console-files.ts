import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A file of the console as it goes out: read once, at the start. */
export interface ConsoleFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly gzipped: Uint8Array;
}

export interface ConsoleFiles {
  /** Every address that has a file, and no other: what a request says is looked up here and never opened. */
  readonly byPath: ReadonlyMap<string, ConsoleFile>;
  /** The one page, for every view. */
  readonly page: ConsoleFile;
  /** Content-Security-Policy of that page. */
  readonly policy: string;
}

export const assetRoot = '/console-assets';

const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

/** Our own modules, which browsers take once their types are stripped. */
const modules: Readonly<Record<string, URL>> = {
  'app.ts': new URL('./pages/app.ts', import.meta.url),
  'api.ts': new URL('./pages/api.ts', import.meta.url),
  'write.ts': new URL('./pages/write.ts', import.meta.url),
  'route.ts': new URL('./pages/route.ts', import.meta.url),
  'words.ts': new URL('./pages/words.ts', import.meta.url),
  'parts.ts': new URL('./pages/parts.ts', import.meta.url),
  'goals.ts': new URL('./pages/goals.ts', import.meta.url),
  'keys.ts': new URL('./pages/keys.ts', import.meta.url),
  'choose.ts': new URL('./pages/choose.ts', import.meta.url),
  'sign-in.ts': new URL('./pages/sign-in.ts', import.meta.url),
  'board.ts': new URL('./pages/board.ts', import.meta.url),
  'flight.ts': new URL('./pages/flight.ts', import.meta.url),
  'orders.ts': new URL('./pages/orders.ts', import.meta.url),
  'order.ts': new URL('./pages/order.ts', import.meta.url),
  'standing.ts': new URL('./pages/standing.ts', import.meta.url),
  'dates.ts': new URL('./pages/dates.ts', import.meta.url),
  'subject.ts': new URL('./pages/subject.ts', import.meta.url),
  'flight-curve.ts': new URL('./pages/flight-curve.ts', import.meta.url),
  'module.ts': new URL('./pages/module.ts', import.meta.url),
  'snapshot-table.ts': new URL('./pages/snapshot-table.ts', import.meta.url),
  'goal-cost.ts': new URL('./pages/goal-cost.ts', import.meta.url),
  'chart.ts': new URL('./pages/chart.ts', import.meta.url),
  'alerts.ts': new URL('./pages/alerts.ts', import.meta.url),
  'sources.ts': new URL('./pages/sources.ts', import.meta.url),
  'engine.ts': new URL('./pages/engine.ts', import.meta.url),
  'record.ts': new URL('./pages/record.ts', import.meta.url),
  'replay.ts': new URL('./pages/replay.ts', import.meta.url),
  'records.ts': new URL('./pages/records.ts', import.meta.url),
  'rules.ts': new URL('./pages/rules.ts', import.meta.url),
  'rule.ts': new URL('./pages/rule.ts', import.meta.url),
  'rule-text.ts': new URL('./pages/rule-text.ts', import.meta.url),
  'rule-editor.ts': new URL('./pages/rule-editor.ts', import.meta.url),
  'rule-places.ts': new URL('./pages/rule-places.ts', import.meta.url),
  'why-not.ts': new URL('./pages/why-not.ts', import.meta.url),
  'receipt.ts': new URL('./pages/receipt.ts', import.meta.url),
};

const others: Readonly<Record<string, { readonly type: string; readonly url: URL }>> = {
  'console.css': { type: style, url: new URL('./pages/console.css', import.meta.url) },
  'library/uplot.css': { type: style, url: new URL(import.meta.resolve('uplot/dist/uPlot.min.css')) },
  'icon.svg': { type: 'image/svg+xml', url: new URL('./pages/icon.svg', import.meta.url) },
};

/** Libraries as npm installed them, under the names by which our modules import them. */
const libraries: Readonly<Record<string, string>> = {
  preact: import.meta.resolve('preact'),
  'preact/hooks': import.meta.resolve('preact/hooks'),
  htm: import.meta.resolve('htm'),
  'htm/preact': import.meta.resolve('htm/preact'),
  uplot: import.meta.resolve('uplot/dist/uPlot.iife.min.js'),
};

/** Reads everything that the console is made of. Throws where a file is missing: then nothing is served. */
export function readConsoleFiles(): ConsoleFiles {
  const files: Record<string, { type: string; text: string }> = {};
  for (const [name, url] of Object.entries(modules)) files[name] = { type: script, text: moduleText(url) };
  for (const [name, { type, url }] of Object.entries(others)) files[name] = { type, text: readFileSync(url, 'utf8') };
  for (const [name, url] of Object.entries(libraries))
    files[libraryFile(name)] = { type: script, text: libraryText(name, url) };
  // One hash in front of all, so that modules find each other by their relative names.
  const hash = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
  const root = `${assetRoot}/${hash}`;
  const byPath = new Map(Object.entries(files).map(([name, { type, text }]) => [`${root}/${name}`, pack(type, text)]));
  const imports = Object.keys(libraries).map((name) => [name, `${root}/${libraryFile(name)}`]);
  const importMap = JSON.stringify({ imports: Object.fromEntries(imports) });
  return { byPath, page: pack('text/html; charset=utf-8', pageText(root, importMap)), policy: policyFor(importMap) };
}

/** TypeScript without its types; each line stays where it was. */
export function moduleText(url: URL): string {
  return stripTypeScriptTypes(readFileSync(url, 'utf8')).replaceAll(/[ \t]+$/gm, '');
}

function libraryFile(name: string): string {
  return `library/${name.replaceAll('/', '-')}.mjs`;
}

/** As installed; the small build of uPlot is a script that leaves one variable, which a module has to hand out. */
function libraryText(name: string, url: string): string {
  const text = withoutMap(readFileSync(fileURLToPath(url), 'utf8'));
  return name === 'uplot' ? `${text}\nexport default uPlot;\n` : text;
}

/** Maps of sources are not served, and browsers would ask for them. */
function withoutMap(text: string): string {
  return text.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n');
}

function pack(type: string, text: string): ConsoleFile {
  const bytes = Buffer.from(text);
  return { type, bytes, gzipped: gzipSync(bytes) };
}

/** Our own files alone; the map of imports stands in the page and is named by its hash. */
function policyFor(importMap: string): string {
  const hash = createHash('sha256').update(importMap).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function pageText(root: string, importMap: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Paceline</title>
<link rel="icon" href="${root}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${root}/library/uplot.css">
<link rel="stylesheet" href="${root}/console.css">
<script type="importmap">${importMap}</script>
<script type="module" src="${root}/app.ts"></script>
</head>
<body>
<div id="app"><noscript><p class="plain">The console needs JavaScript. The same numbers are under <a href="/api/v1/openapi.json">/api/v1</a>.</p></noscript></div>
</body>
</html>
`;
}
