import { type MetricName, metricCatalogue } from '../../src/control/metrics/catalogue.ts';

/** What Prometheus adds by itself, and what the client library of the process adds. */
const others = /^(up|ALERTS|process_cpu_seconds_total|process_resident_memory_bytes|nodejs_[a-z0-9_]+)$/;

/** Names in an expression that no metric of ours, and none of the usual ones, stands behind. */
export function findUnknownMetrics(expression: string): string[] {
  const names = expression
    .replaceAll(/"[^"]*"|'[^']*'/g, '""')
    .match(/\b(?:paceline|nodejs|process)_[a-z0-9_]+|\bup(?=\{)/g);
  return [...new Set(names ?? [])].filter((name) => !isKnown(name));
}

function isKnown(name: string): boolean {
  if (others.test(name) || Object.hasOwn(metricCatalogue, name)) return true;
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return Object.hasOwn(metricCatalogue, base) && metricCatalogue[base as MetricName].type === 'histogram';
}

/** Label names in selectors and groupings that the catalogue does not give to the metric they stand at. */
export function findUnknownLabels(expression: string): string[] {
  const unknown: string[] = [];
  for (const [, name, selector] of expression.matchAll(/\b(paceline_[a-z0-9_]+)\{([^}]*)\}/g)) {
    const base = name.replace(/_(bucket|sum|count)$/, '');
    const known = metricCatalogue[(Object.hasOwn(metricCatalogue, name) ? name : base) as MetricName];
    const labels = ['job', 'instance', 'le', ...(known?.labels ?? [])];
    for (const [, label] of selector.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g))
      if (!labels.includes(label)) unknown.push(`${name}{${label}}`);
  }
  return unknown;
}
