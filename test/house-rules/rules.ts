import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** A source file as the house rules see it; `path` starts at the repository, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export function readSources(root: string, folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }))
    .sort((a, b) => a.path.localeCompare(b.path));
}

/** Rooms by the start of the path; the first that fits is the file's room. */
const rooms: readonly (readonly [string, RegExp])[] = [
  ['main', /^src\/main\.ts$/],
  ['app', /^src\/app\.ts$/],
  ['maps', /^src\/topology\/(campaign|bronze)-topology\.ts$/],
  ['contract', /^src\/(sources\/source|decoders\/decoder|sinks\/sink|state\/state-store|runtime\/lane-program)\.ts$/],
  ['lakehouse/format', /^src\/lakehouse\/format\//],
  ['lakehouse/catalog', /^src\/lakehouse\/catalog\//],
  ['lakehouse/storage', /^src\/lakehouse\/storage\//],
  ['lakehouse/engine', /^src\/lakehouse\/engine\//],
  ['lakehouse/operations', /^src\/lakehouse\/operations\//],
  ['lakehouse/layers', /^src\/lakehouse\/layers\//],
  ['lakehouse/jobs', /^src\/lakehouse\/jobs\//],
  [
    'serving/contract',
    /^src\/serving\/(caller|ports|queries\/operation|access\/authenticate|access\/store\/[a-z-]+|limits\/rate-limiter|cache\/query-cache)\.ts$/,
  ],
  ['serving/queries', /^src\/serving\/queries\//],
  ['serving/access', /^src\/serving\/(access|limits|cache)\//],
  ['serving/pages', /^src\/serving\/console\/pages\//],
  ['serving/console', /^src\/serving\/console\//],
  ['serving/doors', /^src\/serving\//],
  ...[
    'cli',
    'adapters',
    'model',
    'events',
    'rows',
    'rules',
    'pacing',
    'lane',
    'operators',
    'topology',
    'runtime',
    'sources',
    'decoders',
    'state',
    'sinks',
    'embedded-clickhouse',
    'plans',
    'replay',
    'control',
    'simulator',
  ].map((room) => [room, new RegExp(`^src/${room}/`)] as const),
];

/** What every room may know: the language of the product. */
const language = ['model', 'events', 'rows'];
const hearts = ['rules', 'pacing'];
const lake = ['format', 'catalog', 'storage', 'engine', 'operations', 'layers', 'jobs'].map(
  (room) => `lakehouse/${room}`,
);
const window = ['contract', 'queries', 'access', 'doors'].map((room) => `serving/${room}`);
/** The pages run in browsers: they know nobody, and only what hands them out knows them. */
const shop = [...window, 'serving/console'];
const systems = [
  'sources',
  'decoders',
  'sinks',
  'state',
  'embedded-clickhouse',
  ...lake,
  ...shop,
  'plans',
  'replay',
  'simulator',
];

/** Who may import whom. Type-only imports count: knowing a shape is knowing. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  main: ['cli', 'app'],
  cli: ['cli', 'app', 'adapters', 'control', 'plans', 'model', 'rows'],
  app: ['adapters', 'topology', 'maps', 'runtime', 'control', 'plans', 'contract', 'rules', ...language],
  adapters: ['adapters', ...systems, 'topology', 'maps', 'runtime', 'control', 'contract', 'rules', ...language],
  maps: ['topology', 'operators', 'lane', 'contract', ...language],
  topology: ['topology', 'contract', 'model'],
  runtime: ['runtime', 'contract', 'events', 'model'],
  operators: ['operators', 'lane', ...hearts, 'contract', ...language],
  lane: ['lane', ...hearts, 'contract', ...language],
  rules: ['rules', 'pacing', 'events', 'model'],
  pacing: ['pacing', 'events', 'model'],
  contract: ['contract', 'events', 'model'],
  sources: ['sources', 'contract', 'events', 'model'],
  decoders: ['decoders', 'contract', 'events', 'model'],
  sinks: ['sinks', 'contract', ...language],
  state: ['state', 'contract', 'model'],
  'embedded-clickhouse': ['embedded-clickhouse', 'model'],
  'lakehouse/format': ['lakehouse/format', 'model'],
  'lakehouse/storage': ['lakehouse/storage', 'model'],
  'lakehouse/engine': ['lakehouse/engine', 'model'],
  'lakehouse/catalog': ['lakehouse/catalog', 'lakehouse/storage', 'lakehouse/format', 'model'],
  'lakehouse/operations': [
    'lakehouse/operations',
    'lakehouse/catalog',
    'lakehouse/storage',
    'lakehouse/format',
    'model',
  ],
  'lakehouse/layers': [...lake.filter((room) => room !== 'lakehouse/jobs'), 'model'],
  'lakehouse/jobs': [...lake, 'model'],
  'serving/contract': ['serving/contract', 'model'],
  'serving/queries': ['serving/queries', 'serving/contract', 'rules', 'pacing', 'rows', 'model'],
  'serving/access': ['serving/access', 'serving/contract', 'model'],
  'serving/pages': ['serving/pages'],
  'serving/console': ['serving/console', 'serving/pages', 'serving/doors', 'model'],
  'serving/doors': [...window, 'model'],
  plans: ['plans', 'rules', 'control', 'events', 'model'],
  // Plays the map itself over history: it knows no system that records come from or rows go to.
  replay: ['replay', 'maps', 'plans', 'control', 'contract', 'rules', ...language],
  simulator: ['simulator', 'sources', 'contract', 'rules', 'events', 'model'],
  control: ['control', 'model'],
  rows: ['rows', 'model'],
  events: ['events', 'model'],
  model: ['model'],
};

export const roomNames: readonly string[] = rooms.map(([name]) => name);

export function mayKnow(room: string, target: string): boolean {
  return mayImport[room].includes(target);
}

/** The rooms and what each may know, a line a room: ARCHITECTURE.md shows it. */
export function arrowsText(): string {
  return roomNames
    .map((room) => {
      const others = mayImport[room].filter((target) => target !== room);
      return `${room.padEnd(20)} → ${others.join(', ') || 'nothing of ours'}`;
    })
    .join('\n');
}

/** Rooms that would know each other in a circle, as the way around. */
export function findCircles(knows: (room: string, target: string) => boolean, names = roomNames): string[] {
  const circles: string[] = [];
  const walk = (path: readonly string[]): void => {
    for (const target of names) {
      const last = path[path.length - 1];
      if (target === last || !knows(last, target)) continue;
      if (target === path[0]) circles.push([...path, target].join(' → '));
      else if (!path.includes(target) && names.indexOf(target) > names.indexOf(path[0])) walk([...path, target]);
    }
  };
  for (const room of names) walk([room]);
  return circles;
}

/** A contract is seen from its own folder and from the places that wire. */
const wiring = ['runtime', 'topology', 'maps', 'app', 'adapters'];
const contractSeenBy: Readonly<Record<string, readonly string[]>> = {
  'src/sources/source.ts': ['sources', 'simulator', ...wiring],
  'src/decoders/decoder.ts': ['decoders', 'replay', ...wiring],
  'src/sinks/sink.ts': ['sinks', ...wiring],
  'src/state/state-store.ts': ['state', 'lane', 'operators', 'contract', ...wiring],
  'src/runtime/lane-program.ts': wiring,
};

export function roomOf(path: string): string | undefined {
  return rooms.find(([, pattern]) => pattern.test(path))?.[0];
}

/** Paths of our own files that `file` imports, dynamic imports, re-exports and type imports included. */
export function importsOf(file: SourceFile): string[] {
  const specifiers = [...file.text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)].map(
    ([, path]) => path,
  );
  const urls = [...file.text.matchAll(/new URL\(\s*['"](\.{1,2}\/[^'"]+\.ts)['"]/g)].map(([, path]) => path);
  return [...specifiers, ...urls].map((path) => normalize(join(dirname(file.path), path)).replaceAll('\\', '/'));
}

export function findForbiddenImports(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === undefined) return [`${file.path} stands in no room`];
    return importsOf(file).flatMap((target) => {
      const targetRoom = roomOf(target);
      if (targetRoom === undefined) return [];
      const isAllowed = mayImport[room].includes(targetRoom) && (contractSeenBy[target]?.includes(room) ?? true);
      return isAllowed ? [] : [`${file.path} (${room}) imports ${target} (${targetRoom})`];
    });
  });
}

const machineAccess =
  /\b(Date\.now|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|process\.hrtime|randomUUID|randomBytes|getRandomValues|Temporal\.Now)\b|\bnew Date\(/;

/** Only adapters may ask the machine for time, chance or a wake-up call: an answer never depends on them. */
export function findMachineAccess(files: readonly SourceFile[]): string[] {
  const pure = new Set([
    'topology',
    'maps',
    'runtime',
    'operators',
    'lane',
    ...hearts,
    'decoders',
    'replay',
    'contract',
    ...language,
  ]);
  return files
    .filter((file) => pure.has(roomOf(file.path) ?? ''))
    .flatMap((file) =>
      withoutComments(file.text)
        .split('\n')
        .flatMap((line, index) => {
          const found = machineAccess.exec(line);
          return found ? [`${file.path}:${index + 1} uses ${found[0]}`] : [];
        }),
    );
}

/** Comments become blank, lines keep their numbers. Good enough for our own formatted code. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`])\/\/[^\n]*/g, (_, before: string) => before);
}

export const linesMax = 500;
export const linesSoftMax = 300;

export function findLongFiles(files: readonly SourceFile[], max: number): string[] {
  return files
    .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > max)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}

/** A file that only passes others' names on hides where things live. */
export function findBarrels(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => {
      const statements = withoutComments(file.text)
        .split(/;\s*\n|\n\n/)
        .map((statement) => statement.trim())
        .filter(Boolean);
      return (
        statements.length > 0 &&
        statements.every((statement) => /^export\s+(type\s+)?[*{][\s\S]*from\s/.test(statement))
      );
    })
    .map((file) => `${file.path} only re-exports`);
}

/** Files that no way leads to from `entries`: nothing runs them, so nobody notices when they rot. */
export function findDeadFiles(files: readonly SourceFile[], entries: readonly string[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    queue.push(...importsOf(file));
  }
  return files.filter((file) => !reached.has(file.path)).map((file) => `${file.path} is never imported`);
}

/**
 * Exports of `src/` that nobody imports: what no other file needs is nobody else's to know. A module that is
 * taken whole (`import()`, `* as`) counts as used in all its parts.
 */
export function findUnusedExports(files: readonly SourceFile[]): string[] {
  const used = new Map<string, Set<string>>();
  for (const file of files) {
    for (const [, names, from, whole, module] of file.text.matchAll(namedImport)) {
      const path = normalize(join(dirname(file.path), from ?? module)).replaceAll('\\', '/');
      const known = used.get(path) ?? new Set<string>();
      for (const name of namesOf(whole ?? names)) known.add(name);
      used.set(path, known);
    }
  }
  return files
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, text }) => {
      const known = used.get(path) ?? new Set<string>();
      if (known.has('*')) return [];
      const exported = [...withoutComments(text).matchAll(namedExport)].map(([, name]) => name);
      return exported.filter((name) => !known.has(name)).map((name) => `${path} exports ${name}, which nobody imports`);
    });
}

const namedImport =
  /\b(?:import|export)\s+(?:type\s+)?(\{[^}]*\}|\*[^'";]*?)\s*from\s+['"](\.[^'"]+)['"]|\bimport(\()\s*['"](\.[^'"]+)['"]/g;
const namedExport =
  /^export\s+(?:async\s+|abstract\s+|declare\s+)*(?:const|let|function\*?|class|interface|type)\s+(\w+)/gm;

function namesOf(text: string): string[] {
  if (!text.startsWith('{')) return ['*'];
  return text
    .slice(1, -1)
    .split(',')
    .map(
      (part) =>
        part
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s/, 1)[0],
    );
}

/** Syntax that type stripping cannot remove, and words that switch the type checker off. */
export function findForbiddenSyntax(files: readonly SourceFile[]): string[] {
  const rules: readonly (readonly [RegExp, string])[] = [
    [/^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s/m, 'enum'],
    [/^\s*(export\s+)?namespace\s/m, 'namespace'],
    [/@ts-(ignore|nocheck|expect-error)/, '@ts-ignore'],
    [/catch\s*(\([^)]*\))?\s*\{\s*\}/, 'empty catch'],
  ];
  return files.flatMap((file) =>
    rules.filter(([pattern]) => pattern.test(file.text)).map(([, name]) => `${file.path}: ${name}`),
  );
}

/**
 * Functions that take the whole configuration for a section or two of it: whoever hands nothing on takes a
 * slice, `Pick<Config, 'log'>`, so that its reader sees what it depends on.
 */
export function findWholeConfigs(files: readonly SourceFile[]): string[] {
  const whole = /(?:\{([^{}]*)\}|\bconfig): Config\b(?!\[)/g;
  return files.flatMap(({ path, text }) => {
    const code = withoutComments(text);
    // Each function by itself: a body ends where a line begins with a brace.
    return code.split(/^\}\)?;?$/m).flatMap((part) => {
      const [taken] = [...part.matchAll(whole)];
      if (taken === undefined || /[(,]\s*config\s*[,)]|\bconfig[,}[]|\.\.\.config\b/.test(part)) return [];
      const unpacked = [
        taken[1] ?? '',
        ...[...part.matchAll(/const \{([^{}]*)\} = config;/g)].map(([, names]) => names),
      ];
      const named = unpacked.flatMap((names) => names.split(',').map((name) => name.split(':')[0].trim()));
      const dotted = [...part.matchAll(/(?<![-\w./])config\.(\w+)/g)].map(([, name]) => name);
      const sections = [...new Set([...named, ...dotted])].filter((name) => name !== '').sort();
      return sections.length === 0 || sections.length > 2
        ? []
        : [`${path} takes all of Config for ${sections.join(' and ')}`];
    });
  });
}
