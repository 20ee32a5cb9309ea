import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  arrowsText,
  findBarrels,
  findCircles,
  findDeadFiles,
  findForbiddenImports,
  findForbiddenSyntax,
  findLongFiles,
  findMachineAccess,
  findUnusedExports,
  findWholeConfigs,
  linesMax,
  linesSoftMax,
  mayKnow,
  readSources,
  roomNames,
  type SourceFile,
} from './house-rules/rules.ts';

const root = join(import.meta.dirname, '..');
const sources = readSources(root, 'src');

function file(path: string, text: string): SourceFile {
  return { path, text };
}

test('imports point one way', () => {
  expect(findForbiddenImports(sources)).toEqual([]);
});

test.each([
  ['src/model/money.ts', '../sinks/sink.ts'],
  ['src/operators/pace.ts', '../topology/runner.ts'],
  ['src/operators/pace.ts', '../sinks/sink.ts'],
  ['src/sinks/clickhouse/sink.ts', '../../state/state-store.ts'],
  ['src/sources/log.ts', '../control/config/process-sections.ts'],
  ['src/control/metrics.ts', '../topology/runner.ts'],
  ['src/runtime/runner.ts', '../operators/pace.ts'],
  ['src/runtime/runner.ts', '../state/sqlite-state-store.ts'],
  ['src/app.ts', './lakehouse/layers/bronze/bronze-table.ts'],
  ['src/model/money.ts', '../events/event-batch.ts'],
  ['src/events/event-batch.ts', '../rows/tables.ts'],
  ['src/rows/tables.ts', '../rules/plan.ts'],
  ['src/pacing/pacing.ts', '../rules/plan.ts'],
  ['src/rules/plan.ts', '../lane/campaign.ts'],
  ['src/lane/campaign.ts', '../operators/segment.ts'],
  ['src/operators/check-records.ts', '../plans/plan-files.ts'],
  ['src/topology/topology.ts', '../runtime/runner.ts'],
  ['src/runtime/runner.ts', '../lane/campaign.ts'],
  ['src/lakehouse/storage/file-io.ts', '../catalog/catalog.ts'],
  ['src/lakehouse/catalog/sql-catalog.ts', '../operations/compaction.ts'],
  ['src/lakehouse/operations/compaction.ts', '../layers/bronze/bronze-table.ts'],
  ['src/lakehouse/operations/compaction.ts', '../engine/sql-engine.ts'],
  ['src/lakehouse/engine/sql-engine.ts', '../../embedded-clickhouse/front.ts'],
  ['src/lakehouse/engine/sql-places.ts', '../catalog/catalog.ts'],
  ['src/lakehouse/layers/bronze/bronze-table.ts', '../../jobs/maintain-table.ts'],
  ['src/control/status.ts', '../plans/apply-plans.ts'],
  ['src/plans/apply-plans.ts', '../adapters/plan-log.ts'],
  ['src/sinks/clickhouse/sink.ts', '../../embedded-clickhouse/front.ts'],
  ['src/simulator/world.ts', '../plans/plan-files.ts'],
  ['src/replay/lane-player.ts', '../sinks/sink.ts'],
  ['src/replay/lane-player.ts', '../sources/recorded/recorded-log.ts'],
  ['src/serving/queries/board.ts', '../../runtime/runner.ts'],
  ['src/serving/queries/board.ts', '../rest/rest-door.ts'],
  ['src/serving/queries/board.ts', '../../lane/campaign.ts'],
  ['src/serving/access/sessions.ts', '../queries/board.ts'],
  ['src/serving/rest/rest-door.ts', '../../sinks/clickhouse/views.ts'],
  ['src/serving/ports.ts', './queries/board.ts'],
  ['src/serving/console/pages/board.ts', '../../../model/money.ts'],
  ['src/serving/rest/rest-door.ts', '../console/pages/words.ts'],
  ['src/serving/console/console-door.ts', '../queries/flights.ts'],
  ['src/cli/run.ts', '../state/sqlite-state-store.ts'],
  ['src/adapters/adapters.ts', '../cli/run.ts'],
  ['src/elsewhere/x.ts', './y.ts'],
])('the import rule refuses %s -> %s, in all forms', (path, target) => {
  for (const text of [
    `import { x } from '${target}';`,
    `import type { x } from '${target}';`,
    `export * from '${target}';`,
    `const x = await import('${target}');`,
    `import '${target}';`,
    `import {\n  x,\n  y,\n} from '${target}';`,
    `new Worker(new URL('${target}', import.meta.url));`,
  ])
    expect(findForbiddenImports([file(path, text)]), text).toHaveLength(1);
});

/** A file of each room, to try every arrow with. */
const sampleOf: Readonly<Record<string, string>> = {
  main: 'src/main.ts',
  app: 'src/app.ts',
  maps: 'src/topology/campaign-topology.ts',
  contract: 'src/runtime/lane-program.ts',
  'serving/contract': 'src/serving/ports.ts',
  'serving/pages': 'src/serving/console/pages/app.ts',
  'serving/console': 'src/serving/console/console-door.ts',
};
const pathOf = (room: string): string => sampleOf[room] ?? `src/${room}/some-file.ts`;

test('every arrow that is not drawn is refused, and those that are make no circle', () => {
  let refused = 0;
  for (const room of roomNames)
    for (const target of roomNames) {
      if (mayKnow(room, target)) continue;
      const climb = '../'.repeat(pathOf(room).split('/').length - 1);
      const text = `import type { X } from '${climb || './'}${pathOf(target)}';`;
      expect(findForbiddenImports([file(pathOf(room), text)]), `${room} → ${target}`).toHaveLength(1);
      refused += 1;
    }
  expect(refused).toBeGreaterThan(400);
  expect(findCircles(mayKnow)).toEqual([]);
  const ring = (room: string, target: string) => `${room}${target}` === 'ab' || `${room}${target}` === 'ba';
  expect(findCircles(ring, ['a', 'b'])).toEqual(['a → b → a']);
});

test('ARCHITECTURE.md draws these very arrows, and names every room', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  expect(text).toContain(`\n\`\`\`text\n${arrowsText()}\n\`\`\`\n`);
  const folders = new Set(sources.map(({ path }) => path.split('/')[1]).filter((name) => !name.endsWith('.ts')));
  const house = text.slice(text.indexOf('## The house'), text.indexOf('## The walk'));
  for (const folder of folders) expect(house, `the house has a room ${folder}/`).toContain(`${folder}/`);
});

test('the import rule allows the way of the data', () => {
  const text = "import type { Sink } from '../sinks/sink.ts';\nimport { assert } from '../model/errors.ts';";
  expect(findForbiddenImports([file('src/runtime/runner.ts', text)])).toEqual([]);
  expect(findForbiddenImports([file('src/topology/campaign-topology.ts', "import '../operators/pace.ts';")])).toEqual(
    [],
  );
});

test('only adapters ask the machine for time, chance and wake-up calls', () => {
  expect(findMachineAccess(sources)).toEqual([]);
});

test('the machine rule can fail, and comments do not count', () => {
  const calls = [
    'Date.now()',
    'Math.random()',
    'setTimeout(f)',
    'new Date(0)',
    'performance.now()',
    'crypto.randomUUID()',
  ];
  for (const call of calls) {
    expect(findMachineAccess([file('src/operators/x.ts', `\nconst a = ${call};`)]), call).toHaveLength(1);
    expect(findMachineAccess([file('src/state/x.ts', `const a = ${call};`)]), call).toEqual([]);
  }
  expect(findMachineAccess([file('src/operators/x.ts', '// Date.now() is forbidden\n/* Math.random */')])).toEqual([]);
  expect(findMachineAccess([file('src/model/x.ts', '/* one\ntwo */ Date.now()')])).toEqual([
    'src/model/x.ts:2 uses Date.now',
  ]);
});

test(`files have at most ${linesMax} lines`, () => {
  for (const long of findLongFiles(sources, linesSoftMax)) console.log(`soft limit of ${linesSoftMax} lines: ${long}`);
  expect(findLongFiles(sources, linesMax)).toEqual([]);
  expect(findLongFiles([file('src/model/x.ts', 'x\n'.repeat(linesMax + 1))], linesMax)).toHaveLength(1);
});

test('no file only re-exports', () => {
  expect(findBarrels(sources)).toEqual([]);
  expect(
    findBarrels([file('src/model/index.ts', "export * from './a.ts';\nexport { b } from './b.ts';\n")]),
  ).toHaveLength(1);
  expect(findBarrels([file('src/model/a.ts', "export type { A } from './b.ts';\nexport const a = 1;\n")])).toEqual([]);
});

/** Rooms whose doors are being hung. */
const isAwaited = (line: string) => /^src\/(serving\/caller|replay\/lane-player)\b/.test(line);

/** Reached by no program of ours, and yet no dead wood: each with its reason. */
const twins = [
  // The twin of the embedded store that exams and simulations run on.
  'src/state/memory-state-store.ts',
  // A plain client, as anyone would write it: the exam of the embedded HTTP front uses it.
  'src/sinks/clickhouse/run-query.ts',
];

test('every file is reached from the front door, a script or a process of its own', () => {
  const programs = [...readSources(root, 'scripts'), ...readSources(root, 'bench')];
  const processes = sources.filter(({ path }) => /-(child|worker)\.ts$/.test(path));
  const entries = ['src/main.ts', ...twins, ...[...programs, ...processes].map(({ path }) => path)];
  const dead = findDeadFiles([...sources, ...programs], entries);
  expect(dead.filter((line) => !isAwaited(line))).toEqual([]);
  const house = [file('src/main.ts', "import './a.ts';"), file('src/a.ts', ''), file('src/b.ts', "import './a.ts';")];
  expect(findDeadFiles(house, ['src/main.ts'])).toEqual(['src/b.ts is never imported']);
});

test('nobody takes the whole configuration for a section or two', () => {
  expect(findWholeConfigs(sources)).toEqual([]);
  const one = (text: string) => findWholeConfigs([file('src/adapters/a.ts', text)]);
  const told = ['src/adapters/a.ts takes all of Config for kafka and log'];
  expect(one('function a(config: Config): string {\n  return config.log.topic + config.kafka.group_id;\n}\n')).toEqual(
    told,
  );
  expect(one('function a({ log, kafka: brokers }: Config): void {}\n')).toEqual(told);
  expect(one("function a(config: Pick<Config, 'log'>): string {\n  return config.log.topic;\n}\n")).toEqual([]);
  expect(one('function a(config: Config): void {\n  b(config.log, config);\n}\n')).toEqual([]);
});

test('where the log is kept is decided in one place', () => {
  const asks = (list: typeof sources) =>
    list.filter(({ text }) => /\bkafka\.brokers\.length\b/.test(text)).map(({ path }) => path);
  // What its settings need of each other is not where it is kept.
  expect(asks(sources)).toEqual(['src/adapters/config-pairs.ts', 'src/adapters/log/log-place.ts']);
  expect(asks([file('src/cli/a.ts', 'if (config.kafka.brokers.length > 0) b();')])).toEqual(['src/cli/a.ts']);
});

test('every export is imported by somebody', () => {
  const others = ['test', 'scripts', 'bench'].flatMap((folder) => readSources(root, folder));
  // The three times are one idea, and stand together also while nobody needs all of them.
  const isTime = (line: string) => line.startsWith('src/model/time.ts exports ') && /(Event|Log|Wall)TimeMs/.test(line);
  const unused = findUnusedExports([...sources, ...others]).filter((line) => !isTime(line) && !isAwaited(line));
  expect(unused).toEqual([]);
  const house = (importing: string) => [
    file('src/model/a.ts', 'export const a = 1;\nexport interface B {}\n// export const c = 1;\n'),
    file('test/a.test.ts', importing),
  ];
  expect(findUnusedExports(house("import { a } from '../src/model/a.ts';"))).toEqual([
    'src/model/a.ts exports B, which nobody imports',
  ]);
  expect(findUnusedExports(house("import {\n  a,\n  type B as C,\n} from '../src/model/a.ts';"))).toEqual([]);
  expect(findUnusedExports(house("const a = await import('../src/model/a.ts');"))).toEqual([]);
});

test('nothing that type stripping cannot remove, and no silenced checker', () => {
  expect(findForbiddenSyntax([...sources, ...readSources(root, 'scripts')])).toEqual([]);
  for (const text of [
    'export enum A { B }',
    'namespace A {}',
    '// @ts-ignore',
    'try { x(); } catch {}',
    'catch (error) {\n}',
  ])
    expect(findForbiddenSyntax([file('src/model/x.ts', text)]), text).toHaveLength(1);
});

test('every door starts Node with the same flags', () => {
  const text = (path: string) => readFileSync(join(root, path), 'utf8');
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
  const image = text('Dockerfile').slice(text('Dockerfile').indexOf('ENTRYPOINT'));
  const doors = [scripts.paceline, scripts.demo, text('bin/paceline.js'), image, text('bench/task.ts')];
  const flags = doors.map((door) => [...door.matchAll(/--[a-z-]+=[A-Za-z0-9]+/g)].map(([flag]) => flag));
  for (const each of flags) expect(each).toEqual(['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8']);
});
