import { writeFileSync } from 'node:fs';
import type { Config } from '../adapters/settings.ts';
import { systemClock } from '../control/system-clock.ts';
import { EngineError } from '../model/errors.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { Progress } from './progress.ts';
import { listenForStop } from './signals.ts';
import type { Terminal } from './terminal.ts';

/** As after a SIGINT. */
const stoppedExit = 130;
/** Lines of changes on a terminal; the rest is for --json and --html. */
const changesShownMax = 40;

export const backtestCommand: Command = {
  name: 'backtest',
  summary: 'Try rules on what happened, beside those in force.',
  examples: [
    'paceline backtest --rules candidate/ --data ./data --from 2026-03-08 --to 2026-03-15',
    'paceline backtest --rules under-pacing.yaml --data ./data --html backtest.html',
    'paceline backtest --rules candidate/ --organizations candidate.yaml --log ./sim --json',
    "paceline backtest --rules candidate/ --bronze --fail-if 'alerts_per_campaign_week > 0.1'",
  ],
  doc: 'Plays history with the very operators of the engine, once with the plans that are in it and once with the rules (and settings) that you try in their place, and says which alerts would have come, gone or moved, how many there are a campaign-week, and how long before the money was gone. A DIR of --rules stands in place of all rules in force; a FILE in place of the rule with its id, or beside the others. --organizations tries other settings of pacing. History is the log of the data directory (an engine may run on it), or that of --log (a directory, one that "paceline simulate" wrote, or one file of JSON lines), the Kafka topic, or bronze. It is played from its first record, so that every alert has its past; --from and --to say what is counted. The candidate is tried as if it had always been in force. Several cores work at once. Nothing of it reaches tables, topics or people. Exit code 0, or 1 when --fail-if holds. docs/backtest.md has more.',
  flags: {
    rules: { type: 'text', value: 'DIR|FILE', isRepeatable: true, doc: 'Rules to try; may be given several times.' },
    organizations: { type: 'text', value: 'FILE', doc: 'Settings to try, as in organizations.yaml.' },
    from: {
      type: 'text',
      value: 'T',
      doc: 'Count alerts from this day (2026-03-08) or instant (2026-03-08T06:00Z) on. Default: all.',
    },
    to: { type: 'text', value: 'T', doc: 'Play and count to here. Default: the end.' },
    log: { type: 'text', value: 'DIR', doc: 'Read this log.' },
    topic: { type: 'boolean', doc: 'Read the Kafka topic of the configuration.' },
    bronze: { type: 'boolean', doc: 'Read the bronze table of the configuration.' },
    html: { type: 'text', value: 'FILE', doc: 'Also write a page with timelines.' },
    'fail-if': {
      type: 'text',
      value: 'BOUND',
      isRepeatable: true,
      doc: 'Exit code 1 when it holds: FIGURE OPERATOR NUMBER with alerts, critical_alerts, alerts_per_campaign_week, came, gone, moved or unforetold_flights; "RULE." in front of it means that rule alone.',
    },
    threads: { type: 'integer', value: 'N', doc: 'Threads. Default: one a core.', min: 1, max: 256 },
    config: configFlag,
    data: dataFlag,
    json: jsonFlag,
  },
  run: runBacktestCommand,
};

async function runBacktestCommand(call: Call, terminal: Terminal): Promise<number> {
  const { config } = loadCallConfig(call);
  const period = { fromMs: instantOf(call, 'from') ?? 0, toMs: instantOf(call, 'to') ?? Number.MAX_SAFE_INTEGER };
  if (period.toMs <= period.fromMs) throw usage('--to must lie behind --from');
  const { readCandidate, readBounds, runBacktest } = await import('../adapters/history/run-backtest.ts');
  const { chooseHistory } = await import('../adapters/history/open-history.ts');
  const bounds = readBounds(call.texts('fail-if'));
  const organizations = call.text('organizations') ?? null;
  const candidate = readCandidate({ rules: call.texts('rules'), organizations });
  const found = historyOf(call, config, chooseHistory);
  using _ = { [Symbol.dispose]: found.dispose };
  const progress = new Progress(terminal, systemClock, 'playing records');
  using stop = listenForStop(terminal);
  const played = runBacktest(
    { place: found.place, candidate, period, planKey: config.plans.root_key },
    {
      threads: call.number('threads') ?? null,
      bounds,
      signal: stop.signal,
      onProgress: (records, total) => progress.update(records, total),
    },
  ).finally(() => progress.end());
  const result = await played.catch((error: unknown) => {
    if (stop.signal.aborted) return null;
    throw error;
  });
  if (result === null) {
    terminal.note('stopped; nothing was changed');
    return stoppedExit;
  }
  if (result.cutLanes > 0)
    terminal.note(
      `${result.cutLanes} lanes have lost their beginning: what flights and alerts were before it is not known`,
    );
  const broken = result.broken(bounds);
  if (call.has('json')) terminal.printJson({ records: result.records, lanes: result.lanes, ...result.json(), broken });
  else {
    const styles = { plain: null, head: 'bold', came: 'red', gone: 'green' } as const;
    for (const { text, kind } of result.lines(changesShownMax)) {
      const style = styles[kind];
      terminal.print(style === null ? text : terminal.style(style, text));
    }
    for (const { bound, value } of broken) terminal.print(terminal.style('red', `FAIL  ${bound}: it is ${value}`));
  }
  writePage(call.text('html'), () =>
    result.page(
      `Backtest of ${[...call.texts('rules'), ...(organizations === null ? [] : [organizations])].join(', ')}`,
    ),
  );
  return broken.length > 0 ? 1 : 0;
}

type ChooseHistory = typeof import('../adapters/history/open-history.ts').chooseHistory;

function historyOf(call: Call, config: Config, choose: ChooseHistory): ReturnType<ChooseHistory> {
  const log = call.text('log');
  const named = [log !== undefined, call.has('topic'), call.has('bronze')].filter(Boolean).length;
  if (named > 1) throw usage('say one of --log, --topic and --bronze');
  if (log !== undefined) return choose(config, { kind: 'log', path: log });
  return choose(config, { kind: call.has('bronze') ? 'bronze' : call.has('topic') ? 'topic' : 'configured' });
}

function writePage(file: string | undefined, page: () => string): void {
  if (file === undefined) return;
  try {
    writeFileSync(file, page());
  } catch (cause) {
    throw new EngineError('USAGE', `${file} cannot be written: ${(cause as Error).message}`);
  }
}

/** A day or an instant of UTC. */
function instantOf(call: Call, flag: string): number | undefined {
  const text = call.text(flag);
  if (text === undefined) return undefined;
  const isOne = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$/.test(text);
  const instant = isOne ? Date.parse(text) : Number.NaN;
  // Date.parse makes 2 March of 30 February.
  if (Number.isNaN(instant) || new Date(instant).toISOString().slice(0, 10) !== text.slice(0, 10))
    throw usage(`--${flag} must be a day like 2026-03-08, or an instant like 2026-03-08T06:00Z, got "${text}"`);
  return instant;
}
