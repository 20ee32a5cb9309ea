import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tables } from '../../src/rows/tables.ts';
import { findUnknownLabels, findUnknownMetrics } from './metric-names.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { h: number; w: number; x: number; y: number };
  readonly targets?: { expr: string }[];
}

const folder = join(import.meta.dirname, '..', '..', 'deploy', 'grafana', 'dashboards');
const dashboards = readdirSync(folder).map((name) => ({
  name,
  panels: (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { panels: Panel[] }).panels,
}));

test('dashboards ask for metrics and labels that exist, and say what each panel means', () => {
  expect(dashboards.map(({ name }) => name)).toEqual(['engine.json', 'lake.json', 'pacing.json']);
  for (const { name, panels } of dashboards)
    for (const { title, type, description, targets } of panels.filter(({ type }) => type !== 'row')) {
      const place = `${name}: ${title} (${type})`;
      expect(description, place).toMatch(/\.$/);
      expect(targets!.length, place).toBeGreaterThan(0);
      for (const { expr } of targets!) {
        expect(findUnknownMetrics(expr), place).toEqual([]);
        expect(findUnknownLabels(expr), place).toEqual([]);
      }
    }
});

test('dashboards name streams that are tables', () => {
  const names: string[] = tables.map(({ name }) => name);
  for (const { panels } of dashboards)
    for (const { expr } of panels.flatMap(({ targets }) => targets ?? []))
      for (const [, streams] of expr.matchAll(/stream=~?"([^"]+)"/g))
        for (const stream of streams.split('|')) expect(names).toContain(stream);
});

test('panels have numbers of their own and do not overlap', () => {
  for (const { name, panels } of dashboards) {
    expect(new Set(panels.map(({ id }) => id)).size, name).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: h * w }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size, name).toBe(cells.length);
  }
});
