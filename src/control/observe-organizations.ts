import { onFact } from '../model/facts.ts';
import { type Clock, secondMs } from '../model/time.ts';
import type { MetricName } from './metrics/catalogue.ts';
import type { Metrics } from './metrics/metrics.ts';
import { TopCounts } from './metrics/top-counts.ts';

const gauges = {
  records: 'paceline_top_organization_records',
  letters: 'paceline_top_organization_dead_letters',
} as const satisfies Record<string, MetricName>;

/** Shows who sends the most, and of whom most is refused: a few by name, the others together. */
export class OrganizationObserver implements Disposable {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #stop: () => void;
  readonly #records = new TopCounts();
  readonly #letters = new TopCounts();
  /** Labels of the series that are shown, by gauge. */
  readonly #shown = new Map<MetricName, readonly Readonly<Record<string, string>>[]>();
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#stop = onFact('organizations.counted', ({ partition, organizations, others }) => {
      for (const { orgId, records, letters } of organizations) {
        if (records > 0) this.#records.add(orgId, String(partition), records);
        if (letters > 0) this.#letters.add(orgId, String(partition), letters);
      }
      this.#records.addOther(others);
      this.#tell();
    });
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  /** Once a second at most: it looks at all of them. */
  #tell(): void {
    const nowMs = this.#clock.steadyMs();
    if (nowMs - this.#toldMs < secondMs) return;
    this.#toldMs = nowMs;
    this.#show(gauges.records, this.#records);
    this.#show(gauges.letters, this.#letters);
  }

  #show(name: MetricName, counts: TopCounts): void {
    const top = counts.top().map(({ name: organization, place, count }) => ({
      labels: { organization, partition: place },
      count,
    }));
    const keys = new Set(top.map(({ labels }) => Object.values(labels).join('/')));
    for (const labels of this.#shown.get(name) ?? [])
      if (!keys.has(Object.values(labels).join('/'))) this.#metrics.remove(name, labels);
    for (const { labels, count } of top) this.#metrics.set(name, labels, count);
    this.#shown.set(
      name,
      top.map(({ labels }) => labels),
    );
  }
}
