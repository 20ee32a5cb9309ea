import type { Score } from './measure.ts';
import type { ScoreSize } from './score-world.ts';
import type { Taken } from './take-score.ts';

/** What `npm run score` takes, and CI again. */
export const scoreSize: ScoreSize = { seed: 20_261, days: 12, campaigns: 48, recordsPerDay: 300, rounds: 8 };

export function scorePage({ size, shipped, shaped, straight, forecasts }: Taken): string {
  return `${[
    '# How well the shipped rules find what is wrong',
    'Printed by `npm run score`; do not edit. CI takes it again and compares every figure.',
    `The simulator plays ${size.days} days of ${size.campaigns} campaigns (seed ${size.seed}) with faults that it writes down, and the engine judges them with \`config/rules/\` through its very operators. What is a trouble is decided by the simulator's own book of money and by the order, without the engine, the log or a rule:`,
    labelTable,
    'A label is a trouble that a fault makes and that is not there without it, or that comes of how a campaign was set up: off its pace, never delivering, ASAP that runs out. It is _found_ when a rule about it pages between its cause and half a day after it is due (four days, where a daily feed tells of it). A page is _right_ when what it says was so around the time that it judged, by narrower bounds: nobody would call a flight at 93 % of its plan healthy that pages at 90 %.',
    '## The shipped rules',
    summary(shipped),
    '### By cause',
    causeTable(shipped),
    '### By rule',
    ruleTable(shipped),
    '## A straight line, or the shape of the traffic',
    `The campaigns that follow the traffic, judged by their shape and, in a second run, by a straight line:`,
    compareTable(shaped, straight),
    '## Forecasts',
    'Of flights that no fault touched, at three quarters of the way: how far the projection of spend was off what was spent in the end, and exhaustion off the hour in which the money ended. Half of all are nearer than the first figure, nine of ten than the second.',
    forecastTable(forecasts),
    '## What it does not say',
    'The world is the simulator’s: its campaigns change no budget, are not extended and are paused by nobody but those who then do not hear of it, since what a change makes of a plan would blur what a fault did; the healthy month of `test/rules/healthy/` has those. Faults that no shipped rule is about (conversions that go missing, late bursts, broken producers) are no labels: the first has no rule that ships, the others have no trouble.',
  ].join('\n\n')}\n`;
}

const labelTable = `| trouble | it is due when |
| --- | --- |
| behind | a day old and a tenth delivered: under 87 % of plan for 6 hours |
| ahead | above 113 % of plan, and by more than 1.2 daily budgets, for 4 hours: platforms may spend one on top of a day's own |
| exhausted | the budget is gone for 3 hours, with more than 2 to go |
| stopped | nothing for 4 hours in which 1.2 units an hour were expected |
| never started | nothing spent 6 hours after the start |
| unplanned | a fifth of a daily budget, within two days, after the flight's end or while the advertiser has it paused, for 2 hours |
| feed silent | an hourly feed says nothing, 4 to 10 hours |

Where money is told by the day, a trouble of pace must last 54 hours, so that it is told twice; that nothing came for some hours, or that money was spent in a pause of hours, is no label there, for nobody can see it.`;

function summary(score: Score): string {
  return table(
    ['figure', 'value'],
    [
      ['campaign-weeks', fixed(score.campaignWeeks, 1)],
      ['pages, of these right', `${score.pages}, ${score.truePages}`],
      ['**precision**', fixed(score.precision, 3)],
      ['**recall**', fixed(score.recall, 3)],
      ['pages a campaign-week', fixed(score.pagesACampaignWeek, 3)],
      ['alerts that came again within a day', String(score.flaps)],
      ['wrong pages in the first three days of a flight', `${score.earlyWrong} of ${score.begun} flights`],
    ],
  );
}

function causeTable({ causes }: Score): string {
  return table(
    ['cause: trouble', 'labels', 'found', 'hours to the page, half', 'nine of ten'],
    causes.map(({ cause, labels, found, delayHours }) => [
      cause.replaceAll('_', ' '),
      ...[String(labels), String(found)],
      delayHours === null ? '–' : fixed(delayHours.half, 1),
      delayHours === null ? '–' : fixed(delayHours.most, 1),
    ]),
  );
}

function ruleTable({ byRule }: Score): string {
  return table(
    ['rule', 'pages', 'wrong'],
    byRule.map(({ rule, pages, wrong }) => [`\`${rule}\``, String(pages), String(wrong)]),
  );
}

function compareTable(shaped: Score, straight: Score): string {
  const row = (name: string, of: (score: Score) => string) => [name, of(shaped), of(straight)];
  return table(
    ['figure', 'shaped', 'straight'],
    [
      row('precision', ({ precision }) => fixed(precision, 3)),
      row('recall', ({ recall }) => fixed(recall, 3)),
      row('pages a campaign-week', ({ pagesACampaignWeek }) => fixed(pagesACampaignWeek, 3)),
      row('wrong pages', ({ pages, truePages }) => String(pages - truePages)),
      row('alerts that came again within a day', ({ flaps }) => String(flaps)),
    ],
  );
}

function forecastTable(forecasts: Taken['forecasts']): string {
  return table(
    [
      'flight passed',
      'flights',
      'projection off by, half',
      'nine of ten',
      'flights that ran out',
      'exhaustion off by, half',
      'nine of ten',
    ],
    forecasts.map(({ share, projection, exhaustion }) => [
      ...[
        `${share * 100} %`,
        String(projection.flights),
        `${fixed(projection.half, 1)} %`,
        `${fixed(projection.most, 1)} %`,
      ],
      ...[String(exhaustion.flights), `${fixed(exhaustion.half, 1)} h`, `${fixed(exhaustion.most, 1)} h`],
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}
