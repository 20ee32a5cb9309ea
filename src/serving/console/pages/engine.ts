import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { pathOf, useAnswer } from './api.ts';
import { Answered, Badge, Heading, Stat, Time } from './parts.ts';
import { count, plain, span, type Tone } from './words.ts';

interface Lane {
  readonly lane: string;
  readonly next_offset: number;
  readonly clock_ms: number | null;
  readonly commits: number;
  readonly paused_for: string | null;
  readonly trouble: string | null;
}

interface Sink {
  readonly sink: string;
  readonly is_up: boolean;
  readonly rows: number;
  readonly chunks_queued: number;
  readonly last_error: string | null;
}

interface Status {
  readonly version: string;
  readonly state: string;
  readonly failure: string | null;
  readonly generation: number;
  readonly waiting_for: string | null;
  readonly lanes: readonly Lane[];
  readonly sinks: readonly Sink[];
  readonly records: number;
  readonly dead_letters: number;
  readonly undelivered_bytes: number;
}

interface Node {
  readonly name: string;
  readonly role: string;
  readonly does: string;
  readonly from: readonly string[];
  readonly whyIdle: string | null;
}

interface Program {
  readonly name: string;
  readonly why_idle: string | null;
  readonly nodes: readonly Node[];
}

export function EngineView() {
  const engine = useAnswer<Status>(pathOf(['engine']));
  const programs = useAnswer<Program[]>(pathOf(['engine', 'programs']), 0);
  const rates = useRates(engine.answer?.data ?? null);
  return html`<${Heading} title="Engine" />
    <${Answered} shown=${engine}>${(status: Status) => html`<${Numbers} status=${status} rates=${rates} />
      <${Answered} shown=${programs}>${(data: Program[]) => data.map((program) => html`<${Graph} key=${program.name} program=${program} status=${status} rates=${rates} />`)}<//>
      <${Lanes} lanes=${status.lanes} rates=${rates} /><${Sinks} sinks=${status.sinks} rates=${rates} />`}<//>`;
}

/** Per second, by what counts: from one answer to the next. Null until there are two. */
type Rates = ReadonlyMap<string, number> | null;

function useRates(status: Status | null): Rates {
  const before = useRef<{ atMs: number; counts: Map<string, number> } | null>(null);
  const [rates, setRates] = useState<Rates>(null);
  useEffect(() => {
    if (status === null) return;
    const counts = new Map<string, number>([
      ...status.lanes.map(({ lane, next_offset }) => [`lane ${lane}`, next_offset] as const),
      ...status.sinks.map(({ sink, rows }) => [`sink ${sink}`, rows] as const),
      ['records', status.records],
    ]);
    const atMs = performance.now();
    const { current } = before;
    if (current !== null) {
      const seconds = (atMs - current.atMs) / 1_000;
      setRates(
        new Map(
          [...counts].map(([name, value]) => [
            name,
            Math.max(0, value - (current.counts.get(name) ?? value)) / seconds,
          ]),
        ),
      );
    }
    before.current = { atMs, counts };
  }, [status]);
  return rates;
}

function perSecond(rates: Rates, name: string): string {
  const rate = rates?.get(name);
  return rate === undefined ? '–' : `${count(Math.round(rate))}/s`;
}

function Numbers({ status, rates }: { status: Status; rates: Rates }) {
  const { state, failure, waiting_for, lanes, sinks, dead_letters, undelivered_bytes } = status;
  const down = sinks.filter(({ is_up }) => !is_up).length;
  const tone: Tone = state === 'running' ? 'good' : state === 'failed' ? 'bad' : 'warn';
  return html`<dl class="stats">
    <${Stat} label="State" tone=${tone} note=${failure ?? waiting_for ?? `version ${status.version}, generation ${status.generation}`}>${plain(state)}<//>
    <${Stat} label="Records" note=${`${count(status.records)} since the start, ${count(dead_letters)} dead letters`}>${perSecond(rates, 'records')}<//>
    <${Stat} label="Lanes" tone=${lanes.some(({ trouble }) => trouble !== null) ? 'bad' : undefined} note=${`${lanes.filter(({ paused_for }) => paused_for !== null).length} paused`}>${lanes.length}<//>
    <${Stat} label="Sinks" tone=${down > 0 ? 'bad' : undefined} note=${`${count(Math.ceil(undelivered_bytes / 1024))} KB wait to be delivered`}>${sinks.length - down} of ${sinks.length}<//>
  </dl>`;
}

/** The map as it runs: what comes from the same things stands below each other. */
function Graph({ program, status, rates }: { program: Program; status: Status; rates: Rates }) {
  const depth = new Map<string, number>();
  for (const { name, from } of program.nodes)
    depth.set(name, Math.max(-1, ...from.map((each) => depth.get(each) ?? 0)) + 1);
  const columns = Map.groupBy(program.nodes, ({ name }) => depth.get(name) ?? 0);
  const noteOf = ({ name, role }: Node): string | null => {
    if (role === 'sink' && status.sinks.some(({ sink }) => sink === name))
      return `${perSecond(rates, `sink ${name}`).replace('/s', ' rows/s')}`;
    return program.name === 'campaigns' && role === 'source' ? perSecond(rates, 'records') : null;
  };
  return html`<section class="card"><h2>${plain(program.name)}${program.why_idle === null ? null : html` <span class="dim">idle: ${program.why_idle}</span>`}</h2>
    <div class="scroll flat" tabindex="0" role="region" aria-label=${`Program ${program.name}`}><ol class="graph">${[
      ...columns,
    ].map(
      ([at, nodes]) =>
        html`<li key=${at}>${nodes.map(
          (node) => html`<div class=${`node ${node.role} ${node.whyIdle === null ? '' : 'asleep'}`} key=${node.name}>
        <b>${node.name}</b><span class="under">${node.whyIdle ?? node.does}</span>${noteOf(node) === null ? null : html`<span class="rate">${noteOf(node)}</span>`}</div>`,
        )}</li>`,
    )}</ol></div></section>`;
}

function Lanes({ lanes, rates }: { lanes: readonly Lane[]; rates: Rates }) {
  const newest = Math.max(...lanes.map(({ clock_ms }) => clock_ms ?? 0));
  return html`<section class="card"><h2>Lanes</h2><div class="scroll" tabindex="0" role="region" aria-label="Lanes"><table class="grid">
    <thead><tr><th scope="col">Lane</th><th scope="col">State</th><th scope="col" class="number">Next offset</th><th scope="col" class="number">Records</th><th scope="col" class="number">Commits</th><th scope="col">Clock</th><th scope="col" class="number">Behind the first</th></tr></thead>
    <tbody>${lanes.map(
      ({
        lane,
        next_offset,
        clock_ms,
        commits,
        paused_for,
        trouble,
      }) => html`<tr key=${lane}><th scope="row">${lane}</th>
      <td><${Badge} tone=${trouble !== null ? 'bad' : paused_for !== null ? 'warn' : 'good'}>${trouble ?? (paused_for === null ? 'Reads' : `Waits: ${paused_for}`)}<//></td>
      <td class="number">${count(next_offset)}</td><td class="number">${perSecond(rates, `lane ${lane}`)}</td><td class="number">${count(commits)}</td>
      <td><${Time} at=${clock_ms} detail="second" /></td><td class="number">${clock_ms === null ? '–' : span(newest - clock_ms)}</td></tr>`,
    )}</tbody></table></div></section>`;
}

function Sinks({ sinks, rates }: { sinks: readonly Sink[]; rates: Rates }) {
  return html`<section class="card"><h2>Sinks</h2><div class="scroll" tabindex="0" role="region" aria-label="Sinks"><table class="grid">
    <thead><tr><th scope="col">Sink</th><th scope="col">State</th><th scope="col" class="number">Rows</th><th scope="col" class="number">A second</th><th scope="col" class="number">Chunks that wait</th><th scope="col">Last error</th></tr></thead>
    <tbody>${sinks.map(
      ({
        sink,
        is_up,
        rows,
        chunks_queued,
        last_error,
      }) => html`<tr key=${sink}><th scope="row">${sink}</th><td><${Badge} tone=${is_up ? 'good' : 'bad'}>${is_up ? 'Up' : 'Down'}<//></td>
      <td class="number">${count(rows)}</td><td class="number">${perSecond(rates, `sink ${sink}`)}</td><td class="number">${count(chunks_queued)}</td><td>${last_error ?? html`<span class="dim">none</span>`}</td></tr>`,
    )}</tbody></table></div></section>`;
}
