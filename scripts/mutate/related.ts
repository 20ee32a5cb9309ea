import { importsOf, readSources } from '../../test/house-rules/rules.ts';

/**
 * Tests that start engines, compilers or copies of the repository, or run for most of a minute: one of them
 * would cost more than all others. What they alone would notice counts as unnoticed.
 */
const leftOut = [
  /^test\/(extending|chaos|upgrade|embedded-clickhouse|cli|mutate|stack|deploy)\//,
  /^test\/simulation\/(universe|bronze\/bronze)\.test\.ts$/,
  /^test\/(end-to-end|signed-stream|house-rules|app)\.test\.ts$/,
  /^test\/(events\/one-more-kind|model\/three-times|simulator\/truth)\.test\.ts$/,
  /^test\/sinks\/clickhouse\//,
];

/** For each file of `src/`, how many imports lie between it and the tests that reach it. */
export function relatedTests(root: string): Map<string, Map<string, number>> {
  const sources = ['src', 'test', 'scripts'].flatMap((folder) => readSources(root, folder));
  const imports = new Map(sources.map((file) => [file.path, importsOf(file)]));
  const related = new Map<string, Map<string, number>>();
  for (const { path } of sources) {
    if (!path.endsWith('.test.ts') || /\.(stack|long)\.test\.ts$/.test(path) || path.includes('/tree/')) continue;
    if (leftOut.some((pattern) => pattern.test(path))) continue;
    for (const [file, distance] of reachedFrom(path, imports)) {
      if (!related.has(file)) related.set(file, new Map());
      related.get(file)?.set(path, distance);
    }
  }
  return related;
}

function reachedFrom(start: string, imports: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const distances = new Map([[start, 0]]);
  // Grows while it is walked.
  for (const [path, distance] of distances) {
    for (const next of imports.get(path) ?? []) if (!distances.has(next)) distances.set(next, distance + 1);
  }
  return distances;
}
