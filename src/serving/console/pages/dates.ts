import { toMs } from './words.ts';

interface Dates {
  readonly starts_at: string | null;
  readonly ends_at: string | null;
  readonly time_zone: string;
}

/** The days of a flight in its own zone, with the hours at which it begins or ends inside one; empty where they are not known. */
export function datesOf({ starts_at, ends_at, time_zone }: Dates): string {
  if (starts_at === null || ends_at === null) return '';
  const { format, note } = clockOf(time_zone);
  const [day, hour] = format(toMs(starts_at));
  const [, until] = format(toMs(ends_at));
  const [last] = format(toMs(ends_at) - 1);
  return `${day}${hour === '00:00' ? '' : ` ${hour}`} – ${last}${until === '00:00' ? '' : ` ${until}`}${note}`;
}

interface Clock {
  /** `1 Dec 2026` and `00:00`. */
  readonly format: (ms: number) => string[];
  readonly note: string;
}

const clocks = new Map<string, Clock>();

/** Made once for each zone: it takes its time. A browser may be older than a zone, and shows UTC. */
function clockOf(name: string): Clock {
  const known = clocks.get(name);
  if (known !== undefined) return known;
  const options = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' } as const;
  const clockIn = (timeZone: string, note: string): Clock => {
    const { format } = new Intl.DateTimeFormat('en-GB', { ...options, hourCycle: 'h23', timeZone });
    return { format: (ms) => format(ms).split(', '), note };
  };
  let clock: Clock;
  try {
    clock = clockIn(name, '');
  } catch {
    clock = clockIn('UTC', ' (UTC)');
  }
  clocks.set(name, clock);
  return clock;
}
