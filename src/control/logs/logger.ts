import { pino } from 'pino';
import { redact } from '../../model/redact.ts';
import type { Clock } from '../../model/time.ts';

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
type LogFields = Readonly<Record<string, unknown>>;

/** One line of JSON per event; `event` is a dotted name from our own code, never free text. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  setLevel(level: LogLevel): void;
  /** Blocks until everything is written; call before the process ends. */
  flush(): void;
}

/** Something that takes whole lines: a file descriptor, or a list in tests. */
type LogDestination = { write(line: string): void; flushSync?(): void };

export const repeatWindowMs = 10_000;
/** Lines of one event and subject that a window lets through before it only counts. */
export const repeatsMax = 5;

/** Names of fields that never leave the process, wherever they stand. */
const secretFields = ['token', 'password', 'secret', 'authorization'];

/**
 * Writes JSON lines. The same event about the same subject (`code`, `sink`, `lane`, `org_id`, `reason`) passes
 * five times in ten seconds; further ones are counted and told with the next that passes.
 */
export function makeLogger(options: {
  level: LogLevel;
  clock: Clock;
  destination?: LogDestination;
  /** Hold nothing back: for lines that are the record of what happened, as an access log is. */
  isRecord?: boolean;
}): Logger {
  const destination = options.destination ?? pino.destination({ dest: 2, sync: true });
  const paths = secretFields.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  const lines = pino(
    {
      base: null,
      level: options.level,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date(options.clock.wallMs()).toISOString()}"`,
      redact: { paths, censor: '***' },
    },
    { write: (line) => void destination.write(redact(line)) },
  );
  const repeats = new Repeats(options.clock);
  const at =
    (level: Exclude<LogLevel, 'silent'>) =>
    (event: string, fields: LogFields = {}): void => {
      if (!lines.isLevelEnabled(level)) return;
      const suppressed = options.isRecord ? 0 : repeats.admit(event, fields);
      if (suppressed === undefined) return;
      lines[level]({ event, ...plainErrors(fields), ...(suppressed > 0 ? { suppressed } : {}) });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel: (level) => {
      lines.level = level;
    },
    flush: () => destination.flushSync?.(),
  };
}

class Repeats {
  readonly #clock: Clock;
  readonly #windows = new Map<string, { startMs: number; count: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many lines were held back before this one; undefined = hold this one back too. */
  admit(event: string, fields: LogFields): number | undefined {
    const key = [event, fields.code, fields.sink, fields.lane, fields.org_id, fields.reason].join('\0');
    const now = this.#clock.steadyMs();
    const window = this.#windows.get(key);
    if (window && now - window.startMs < repeatWindowMs) {
      window.count += 1;
      return window.count > repeatsMax ? undefined : 0;
    }
    if (this.#windows.size > 1_000) this.#windows.clear();
    this.#windows.set(key, { startMs: now, count: 1 });
    return window ? Math.max(0, window.count - repeatsMax) : 0;
  }
}

/** Errors as message, code and causes; stacks only of what is not a known kind of trouble. */
function plainErrors(fields: LogFields): LogFields {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Error ? plainError(value) : value,
  ]);
  return Object.fromEntries(entries) as LogFields;
}

function plainError(error: Error, depth = 0): LogFields {
  const code = (error as { code?: unknown }).code;
  return {
    message: error.message,
    ...(code === undefined ? { stack: error.stack } : { code }),
    ...(error.cause instanceof Error && depth < 4 ? { cause: plainError(error.cause, depth + 1) } : {}),
  };
}
