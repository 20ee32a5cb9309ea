import { type MetricDescription, metricCatalogue } from './catalogue.ts';
import { seriesMax } from './metrics.ts';

/** docs/metrics.md. */
export function metricReference(): string {
  const rows = Object.entries(metricCatalogue as Readonly<Record<string, MetricDescription>>).map(
    ([name, { type, labels, help }]) => `| \`${name}\` | ${type} | ${labels.join(', ') || ' '} | ${help} |`,
  );
  return `# Metrics

Printed from \`src/control/metrics/catalogue.ts\` by \`npm run docs\`; do not edit.

Served on \`/metrics\`, beside the usual \`process_*\` and \`nodejs_*\` metrics. Labels are bounded: no organization, campaign or rule is ever one, their numbers live in ClickHouse. At most ${seriesMax} series are kept; what is refused is counted.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
