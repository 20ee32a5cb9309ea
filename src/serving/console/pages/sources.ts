import { html } from 'htm/preact';
import { pathOf, useAnswer, useSeen } from './api.ts';
import { Answered, Badge, Heading, Nothing, Time } from './parts.ts';
import { hrefOf, type Route } from './route.ts';
import { plural, span, type Tone, toMs } from './words.ts';

interface Source {
  readonly source: string;
  readonly complete_through: string | null;
  readonly newest_complete_through: string | null;
  readonly flights: number;
  readonly stale_flights: number;
}

export function Sources({ org }: Route) {
  const sources = useAnswer<Source[]>(pathOf(['organizations', org, 'sources']));
  const now = useSeen();
  return html`<${Heading} title="Sources" /><p class="story">Which feed is late, and whose verdicts are unknown because of it. A flight is judged up to where all its sources are complete, at least every hour; what stands here is from its last judgement.</p>
    <${Answered} shown=${sources}>${(data: Source[]) =>
      data.length === 0
        ? html`<${Nothing} title="No source is waited for">Sources appear as soon as flights run that need them.<//>`
        : html`<${Table} org=${org} sources=${data} now=${now} />`}<//>`;
}

/** What a person makes of it: unknown verdicts first, then how far it is behind. */
function verdictOf({ complete_through, stale_flights, flights }: Source): { tone: Tone; words: string } {
  if (stale_flights > 0) return { tone: 'bad', words: stale_flights === flights ? 'Silent' : 'Late for some' };
  return complete_through === null
    ? { tone: 'unknown', words: 'Not heard of yet' }
    : { tone: 'good', words: 'In time' };
}

function Table({ org, sources, now }: { org: string; sources: readonly Source[]; now: number }) {
  const lagOf = (instant: string | null): number | null =>
    instant === null || now === 0 ? null : Math.max(0, now - toMs(instant));
  const longest = Math.max(3_600_000, ...sources.map(({ complete_through }) => lagOf(complete_through) ?? 0));
  return html`<table class="grid sources"><caption class="hidden">Sources, the one furthest behind first</caption>
    <thead><tr><th scope="col">Source</th><th scope="col">State</th><th scope="col">Behind the log</th><th scope="col" class="wide">Complete to</th><th scope="col" class="number">Verdicts unknown</th></tr></thead>
    <tbody>${sources.map((source) => {
      const { tone, words } = verdictOf(source);
      const lag = lagOf(source.complete_through);
      return html`<tr key=${source.source}><th scope="row"><b>${source.source}</b><span class="under">${plural(source.flights, 'flight')} wait for it</span></th>
        <td><${Badge} tone=${tone}>${words}<//></td>
        <td class="spent"><span class=${`bar ${tone}`} aria-hidden="true"><span class="fill" style=${{ width: `${((lag ?? 0) / longest) * 100}%` }}></span></span>
          <span class="under">${lag === null ? 'not known' : span(lag)}</span></td>
        <td class="wide"><${Time} at=${source.complete_through} /><span class="under">for the best flight <${Time} at=${source.newest_complete_through} /></span></td>
        <td class="number">${source.stale_flights === 0 ? '0' : html`<a href=${hrefOf(org, 'board', [], { status: 'stale_data' })}>${plural(source.stale_flights, 'flight')}</a>`}</td></tr>`;
    })}</tbody></table>`;
}
