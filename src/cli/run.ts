import type { Engine } from '../app.ts';
import { makeLogger } from '../control/logs/logger.ts';
import type { EngineStatus } from '../control/status.ts';
import { systemClock } from '../control/system-clock.ts';
import { EngineError, isWorthRetrying } from '../model/errors.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { makeDirectory } from './make-directory.ts';
import { offerAdminLink } from './offer-admin-link.ts';
import { usage } from './parse-call.ts';
import { outOfPatience } from './patience.ts';
import { product } from './product.ts';
import { listenForReload, listenForStop } from './signals.ts';
import type { Terminal } from './terminal.ts';

/** Longer than a server takes to be started anew, shorter than a person likes to wait for a job that hangs. */
const patienceMsDefault = 300_000;

export const runCommand: Command = {
  name: 'run',
  summary: 'Run the engine.',
  examples: [
    'paceline run --data ./data',
    'paceline run --data ./data --until-end',
    'paceline run --config production.yaml --until-end --patience 2m',
    'paceline run --config base.yaml --config local.yaml',
  ],
  doc: 'Reads the log in the data directory lane by lane, writes tables, bronze and alert records, and serves metrics and status. Logs are JSON lines on stderr. SIGHUP reloads the configuration; SIGTERM or Ctrl+C drains and ends with 0, a second one ends at once. --until-end works off what the log holds, appends nothing (no tick, no plan), and ends. In a consumer group it ends when every partition is at the end that it had at the start, those of other instances too: it takes over the lanes of a member that was killed as soon as the group misses it (kafka.session_timeout_ms), and ends with RUN_INCOMPLETE when another instance holds lanes and does not bring them on. Without --until-end a server that is away is waited for, as long as it takes: /readyz says for whom, and so do metrics and the log. With it the waiting ends after --patience (exit code 75: try again later), and at once where a key or a login is refused (77).',
  flags: {
    config: configFlag,
    data: dataFlag,
    'until-end': { type: 'boolean', doc: 'Stop when everything that the log holds is applied and delivered.' },
    for: {
      type: 'duration',
      doc: 'Stop by itself after this long. Exit code 75 where a server was still waited for, or --until-end has not come to its end.',
      min: 1,
    },
    patience: {
      type: 'duration',
      doc: 'For --until-end: give up, with exit code 75 and its name, when a server was waited for and nothing moved for so long. What was committed stays; run it again.',
      default: '5m',
      min: 1_000,
    },
    'new-generation': {
      type: 'boolean',
      doc: 'Begin the state anew, from the oldest record that the log holds, where the stream is another than before or its state is lost. Otherwise it changes nothing.',
    },
    json: jsonFlag,
  },
  run: runEngine,
};

async function runEngine(call: Call, terminal: Terminal): Promise<number> {
  const loadAgain = () => loadCallConfig(call);
  const loaded = loadAgain();
  makeDirectory(loaded.config.data_directory);
  const log = makeLogger({ level: loaded.config.logging.level, clock: systemClock });
  const isUntilEnd = call.has('until-end');
  using stop = listenForStop(terminal);
  const { startEngine } = await import('../app.ts');
  const forMs = call.number('for');
  using limit = limitTime(forMs);
  const patienceMs = call.number('patience') ?? patienceMsDefault;
  if (call.number('patience') !== undefined && !isUntilEnd)
    throw usage('--patience is for --until-end: without it a server is waited for as long as it takes');
  using patience = new OpeningPatience(isUntilEnd ? patienceMs : null);
  const ending = AbortSignal.any([stop.signal, limit.signal, patience.signal]);
  let opening: Opening | null = null;
  const starting = startEngine(loaded, {
    version: product.version,
    clock: systemClock,
    log,
    loadAgain,
    isUntilEnd,
    isNewGeneration: call.has('new-generation'),
    signal: ending,
    onOpening: (part) => {
      patience.rest();
      opening = { part, error: null };
    },
    onWaiting: (part, error) => {
      patience.begin();
      opening = { part, error };
    },
  });
  const engine = await openedInTime(starting, ending, () => opening !== null);
  // Told to stop while it waited for a server: nothing was begun, so nothing is wrong.
  if (engine === null && stop.signal.aborted) return 0;
  if (engine === null) throw stillOpening(opening, limit.signal.aborted ? forMs : patienceMs);
  patience.rest();
  await offerAdminLink(loaded.config, engine.addresses.api, terminal);
  using _reload = listenForReload(() => engine.reload());
  const watched = new AbortController();
  let late: EngineError | null = null;
  const lateWhen = async (giveUp: Promise<EngineError | null>): Promise<void> => {
    late = (await giveUp) ?? late;
  };
  try {
    const waits = [engine.failed, aborted(stop.signal)];
    if (isUntilEnd) {
      waits.push(engine.drain(stop.signal));
      const watch = { clock: systemClock, signal: watched.signal };
      waits.push(lateWhen(outOfPatience(() => engine.standing(), patienceMs, watch)));
    }
    if (forMs !== undefined)
      waits.push(
        lateWhen(aborted(limit.signal).then(() => (isUntilEnd ? notAtTheEnd(engine.status().lanes, forMs) : null))),
      );
    await Promise.race(waits);
  } finally {
    watched.abort();
    await stopped(engine, late);
  }
  if (late !== null) throw late;
  const { lanes, records, dead_letters } = engine.status();
  if (call.has('json')) terminal.printJson({ records, dead_letters, lanes });
  else terminal.note(`stopped: ${records} records, ${dead_letters} dead letters`);
  return 0;
}

/** A run that was given up says why; what could not be flushed then is no news. */
async function stopped(engine: Engine, late: EngineError | null): Promise<void> {
  try {
    await engine.stop();
  } catch (error) {
    if (late === null) throw error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Aborts after so long, from now on; never when it is not said. */
function limitTime(forMs: number | undefined): { readonly signal: AbortSignal } & Disposable {
  const limit = new AbortController();
  const timer = forMs === undefined ? undefined : setTimeout(() => limit.abort(), forMs);
  return { signal: limit.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Aborts when one server was waited for longer than that; null = there is patience without end. */
class OpeningPatience implements Disposable {
  readonly #limit = new AbortController();
  readonly #ms: number | null;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number | null) {
    this.#ms = ms;
  }

  get signal(): AbortSignal {
    return this.#limit.signal;
  }

  /** From the first time on that it is heard that a server is waited for. */
  begin(): void {
    if (this.#ms !== null) this.#timer ??= setTimeout(() => this.#limit.abort(), this.#ms);
  }

  /** The server has come. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.rest();
  }
}

/** What the opening is at, and what it has heard of it. */
interface Opening {
  readonly part: string;
  readonly error: EngineError | null;
}

/** An opening that was told to end may close what it has; one that a silent server holds is left behind. */
const openGraceMs = 1_000;

/** The engine; null when the signal ended its opening. */
async function openedInTime(
  starting: Promise<Engine>,
  signal: AbortSignal,
  isAsking: () => boolean,
): Promise<Engine | null> {
  const opened = starting.catch((error: unknown) => {
    // What an opening that was told to end still says is what it was told, or what it waited for.
    if (signal.aborted && (error === signal.reason || (error instanceof EngineError && isWorthRetrying(error))))
      return null;
    throw error;
  });
  const graced = aborted(signal).then(() => systemClock.sleep(openGraceMs));
  // What this machine itself is asked for, its lock on the directory say, answers in a moment.
  return await Promise.race([opened, graced.then(() => (isAsking() ? null : opened))]);
}

function stillOpening(opening: Opening | null, forMs = 0): EngineError {
  if (opening === null) return new EngineError('RUN_INCOMPLETE', `after ${forMs} ms nothing was opened yet`);
  const { part, error } = opening;
  if (error === null)
    return new EngineError('RUN_INCOMPLETE', `after ${forMs} ms it still opens ${part}, which has not answered`);
  return new EngineError(error.code, `after ${forMs} ms it still waits for ${part}: ${error.message}`, {
    cause: error,
  });
}

function notAtTheEnd(lanes: EngineStatus['lanes'], forMs = 0): EngineError {
  const troubles = lanes.filter(({ trouble }) => trouble !== null).map(({ lane, trouble }) => `${lane}: ${trouble}`);
  const why = troubles.length === 0 ? '' : `; ${troubles.slice(0, 3).join('; ')}`;
  return new EngineError('RUN_INCOMPLETE', `after ${forMs} ms it is not at the end of the log${why}`);
}
