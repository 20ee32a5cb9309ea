import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { assert } from '../../model/errors.ts';
import { type MetricDescription, type MetricName, metricCatalogue } from './catalogue.ts';

export const seriesMax = 5_000;

interface Series {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  value: number;
  /** What the registry already has of a counter. */
  flushed: number;
}

/**
 * Numbers of the engine. Callers add to plain numbers, once per batch; the registry sees them when
 * it is flushed (a scrape, or the once-a-second flush), because its own calls are a hundred times dearer.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #instruments = new Map<MetricName, Counter | Gauge | Histogram>();
  readonly #series = new Map<string, Series>();
  readonly #seriesMax: number;
  /** Those that are there from the start; the cap is for what comes later. */
  #knownSeries = Number.POSITIVE_INFINITY;
  #rejected = 0;

  constructor(options: { seriesMax?: number; withProcess?: boolean } = {}) {
    this.#seriesMax = options.seriesMax ?? seriesMax;
    for (const [name, description] of Object.entries(metricCatalogue) as [MetricName, MetricDescription][])
      this.#instruments.set(name, this.#makeInstrument(name, description));
    this.#beginKnown();
    this.#knownSeries = this.#series.size;
    if (!options.withProcess) return;
    collectDefaultMetrics({ register: this.#registry });
    // The library names these gauges like counters; the same numbers by type stay.
    for (const kind of ['handles', 'requests', 'resources'])
      this.#registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  }

  /** A counter that appears with its first count hides that count from whoever looks at increases. */
  #beginKnown(): void {
    for (const [name, { type, labels, values }] of Object.entries(metricCatalogue) as [
      MetricName,
      MetricDescription,
    ][]) {
      if (type !== 'counter') continue;
      const known = labels.map((label) => (values?.[label] ?? []).map((value) => ({ [label]: value })));
      const all = known.reduce<Record<string, string>[]>(
        (done, each) => done.flatMap((labelled) => each.map((one) => ({ ...labelled, ...one }))),
        [{}],
      );
      for (const labelled of all) this.add(name, labelled, 0);
    }
  }

  /** Adds to a counter. */
  add(name: MetricName, labels: Readonly<Record<string, string>> = {}, amount = 1): void {
    assert(metricCatalogue[name].type === 'counter', `${name} is a counter`);
    const series = this.#find(name, labels);
    if (series) series.value += amount;
  }

  /** Sets a gauge. */
  set(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void {
    assert(metricCatalogue[name].type === 'gauge', `${name} is a gauge`);
    const series = this.#find(name, labels);
    if (series) series.value = value;
  }

  /** Takes a gauge back: from now on nothing is said with these labels. */
  remove(name: MetricName, labels: Readonly<Record<string, string>>): void {
    const instrument = this.#instruments.get(name);
    assert(instrument instanceof Gauge, `${name} is a gauge`);
    if (this.#series.delete(seriesKey(name, labels))) instrument.remove({ ...labels });
  }

  /** One observation of a histogram; for things that happen a few times a second. */
  observe(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void {
    const instrument = this.#instruments.get(name);
    assert(instrument instanceof Histogram, `${name} is a histogram`);
    if (this.#find(name, labels)) instrument.observe({ ...labels }, value);
  }

  /** The sum of a counter or gauge over all labels: for status and views. */
  total(name: MetricName): number {
    let sum = 0;
    for (const series of this.#series.values()) if (series.name === name) sum += series.value;
    return sum;
  }

  /** One counter or gauge with just these labels; 0 when it was never touched. */
  value(name: MetricName, labels: Readonly<Record<string, string>>): number {
    return this.#series.get(seriesKey(name, labels))?.value ?? 0;
  }

  /** Hands the plain numbers to the registry. */
  flush(): void {
    for (const series of this.#series.values()) {
      const instrument = this.#instruments.get(series.name);
      if (instrument instanceof Gauge) instrument.set({ ...series.labels }, series.value);
      if (instrument instanceof Counter) {
        instrument.inc({ ...series.labels }, series.value - series.flushed);
        series.flushed = series.value;
      }
    }
  }

  /** Prometheus text format, fresh. */
  async print(): Promise<string> {
    this.flush();
    return await this.#registry.metrics();
  }

  #find(name: MetricName, labels: Readonly<Record<string, string>>): Series | undefined {
    const key = seriesKey(name, labels);
    const found = this.#series.get(key);
    if (found) return found;
    const isCounted = name === 'paceline_metrics_series_rejected_total';
    if (this.#series.size - this.#knownSeries >= this.#seriesMax && !isCounted) {
      this.#rejected += 1;
      this.add('paceline_metrics_series_rejected_total');
      return undefined;
    }
    const series = { name, labels, value: 0, flushed: 0 };
    this.#series.set(key, series);
    return series;
  }

  /** Updates refused because of the cap. */
  get rejected(): number {
    return this.#rejected;
  }

  #makeInstrument(name: MetricName, description: MetricDescription): Counter | Gauge | Histogram {
    const options = { name, help: description.help, labelNames: [...description.labels], registers: [this.#registry] };
    if (description.type === 'counter') return new Counter(options);
    if (description.type === 'gauge') return new Gauge(options);
    return new Histogram({ ...options, buckets: [...(description.buckets ?? [])] });
  }
}

/** Callers give the labels of a metric in one order, that of the catalogue. */
function seriesKey(name: MetricName, labels: Readonly<Record<string, string>>): string {
  return `${name}\0${Object.values(labels).join('\0')}`;
}
