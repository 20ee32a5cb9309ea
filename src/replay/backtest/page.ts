import { alertsPerCampaignWeek, type Change, type Comparison, eitherOf } from './compare.ts';
import { durationText, isoText, subjectText } from './report.ts';
import type { Episode, Period } from './verdict.ts';

/** Timelines beyond this make a page that no browser likes; what changes comes first. */
const timelinesMax = 2_000;

/** A backtest as one HTML page: no script, no font, no picture from anywhere. */
export function backtestPage(comparison: Comparison, period: Period, title: string): string {
  const { inForce, candidate, rules } = comparison;
  const rows = rules.map(({ rule, inForce: now, candidate: then, came, gone, moved, beforeGoneMs }) => {
    const lead = beforeGoneMs === null ? '–' : durationText(beforeGoneMs);
    return `<tr><th scope="row">${html(rule)}</th>${[now, then, came, gone, moved, lead].map((cell) => `<td>${html(String(cell))}</td>`).join('')}</tr>`;
  });
  const lines = timelines(comparison.changes);
  const more = lines.length - timelinesMax;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${html(title)}</title>
<style>${style}</style>
<h1>${html(title)}</h1>
<p>From <time>${isoText(period.fromMs)}</time> to <time>${isoText(period.toMs)}</time>, ${(candidate.campaignDays / 7).toFixed(1)} campaign-weeks.</p>
<dl>
<dt>Alerts a campaign-week</dt><dd>${alertsPerCampaignWeek(inForce).toFixed(3)} in force, <b>${alertsPerCampaignWeek(candidate).toFixed(3)}</b> candidate</dd>
<dt>Flights out of money</dt><dd>${candidate.goneFlights}; an alert came before in ${inForce.foretoldFlights} in force, <b>${candidate.foretoldFlights}</b> candidate</dd>
</dl>
<table>
<thead><tr><th scope="col">rule</th><th scope="col">in force</th><th scope="col">candidate</th><th scope="col">came</th><th scope="col">gone</th><th scope="col">moved</th><th scope="col">before the money was gone</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
<h2>Timelines</h2>
<p class="key"><span class="bar force"></span> in force <span class="bar tried"></span> candidate <span class="bar tried critical"></span> critical</p>
<div class="lines">
${lines
  .slice(0, timelinesMax)
  .map((line) => lineHtml(line, period))
  .join('\n')}
</div>
${more > 0 ? `<p>and ${more} more</p>` : ''}
</html>
`;
}

interface Timeline {
  readonly who: string;
  readonly changes: readonly Change[];
}

/** One a rule and subject; those with a change first. */
function timelines(changes: readonly Change[]): Timeline[] {
  const all = [...Map.groupBy(changes, (change) => subjectText(eitherOf(change)))].map(([who, each]) => ({
    who,
    changes: each,
  }));
  const isSame = ({ changes: each }: Timeline) => each.every(({ kind }) => kind === 'same');
  return [...all.filter((line) => !isSame(line)), ...all.filter(isSame)];
}

function lineHtml({ who, changes }: Timeline, period: Period): string {
  const kinds = [...new Set(changes.map(({ kind }) => kind))].join(', ');
  const lane = (side: 'force' | 'tried', episodes: readonly (Episode | null)[]) =>
    `<div class="lane">${episodes.flatMap((each) => (each === null ? [] : [barHtml(each, side, period)])).join('')}</div>`;
  const bars =
    lane(
      'force',
      changes.map(({ inForce }) => inForce),
    ) +
    lane(
      'tried',
      changes.map(({ candidate }) => candidate),
    );
  return `<div class="line"><div class="who">${html(who)} <i>${kinds}</i></div><div class="bars">${bars}</div></div>`;
}

function barHtml({ startMs, endMs, level, summary }: Episode, side: string, { fromMs, toMs }: Period): string {
  const length = Math.max(1, toMs - fromMs);
  const left = ((startMs - fromMs) / length) * 100;
  const width = Math.max(0.3, ((Math.min(endMs ?? toMs, toMs) - startMs) / length) * 100);
  const told = `${level}, ${isoText(startMs)} to ${endMs === null ? 'the end' : isoText(endMs)}: ${summary}`;
  const isCritical = level === 'critical' ? ' critical' : '';
  return `<span class="bar ${side}${isCritical}" style="left:${left.toFixed(3)}%;width:${width.toFixed(3)}%" title="${html(told)}"></span>`;
}

/** Text in HTML, also inside quoted attributes. */
function html(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]);
}

const style = `
:root { color-scheme: light dark; --ink: light-dark(#1d2129, #e6e8ec); --paper: light-dark(#fff, #14171c); --line: light-dark(#d9dde4, #333a45); --force: light-dark(#8a93a3, #7b8596); --tried: light-dark(#2563c9, #6ea3ff); --critical: light-dark(#c0362c, #ff7b6e); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dd { margin: 0; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; font-weight: 600; }
.line { display: grid; grid-template-columns: minmax(12rem, 24rem) 1fr; gap: 1rem; border-bottom: 1px solid var(--line); padding: .25rem 0; }
.who { overflow-wrap: anywhere; } .who i { opacity: .7; }
.lane { position: relative; height: .6rem; margin: .2rem 0; overflow: hidden; }
.bar { position: absolute; height: .6rem; border-radius: .2rem; } .key .bar { position: static; display: inline-block; width: 1.5rem; }
.force { background: var(--force); } .tried { background: var(--tried); } .critical { background: var(--critical); } .force.critical { opacity: .6; }
@media (max-width: 40rem) { .line { grid-template-columns: 1fr; gap: .2rem; } }
`;
