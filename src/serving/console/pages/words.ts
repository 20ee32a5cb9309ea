/** Money, shares and instants as people read them. */

/** `digits` behind the point; the exact amount is never more than a hover away. */
export function money(micros: string | null, digits = 0): string {
  if (micros === null) return '–';
  const format = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  // As decimal text, because a double would lose digits of large sums.
  return format.format(decimalOf(BigInt(micros)) as unknown as number);
}

function decimalOf(micros: bigint): string {
  const size = micros < 0n ? -micros : micros;
  return `${micros < 0n ? '-' : ''}${size / 1_000_000n}.${String(size % 1_000_000n).padStart(6, '0')}`;
}

export function exactMoney(micros: string | null, currency: string): string {
  return micros === null ? 'not known' : `${decimalOf(BigInt(micros))} ${currency}`;
}

export function units(micros: string | null): number | null {
  return micros === null ? null : Number(micros) / 1e6;
}

export function percent(basisPoints: number | null, digits = 0): string {
  return basisPoints === null ? '–' : `${(basisPoints / 100).toFixed(digits)} %`;
}

export function count(value: number): string {
  return value.toLocaleString('en');
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const zoneName = 'paceline.zone';

export function zone(): string {
  return localStorage.getItem(zoneName) === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function isUtc(): boolean {
  return localStorage.getItem(zoneName) === 'utc';
}

export function setUtc(isOn: boolean): void {
  if (isOn) localStorage.setItem(zoneName, 'utc');
  else localStorage.removeItem(zoneName);
}

export function toMs(instant: string | number): number {
  return typeof instant === 'number' ? instant : Date.parse(instant);
}

/** With its zone, as every time on the page. */
export function time(instant: string | number | null, detail: 'minute' | 'second' | 'day' = 'minute'): string {
  if (instant === null) return '–';
  const options: Intl.DateTimeFormatOptions = { timeZone: zone(), day: 'numeric', month: 'short' };
  if (detail === 'day') options.year = 'numeric';
  else Object.assign(options, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' });
  if (detail === 'second') options.second = '2-digit';
  return new Intl.DateTimeFormat('en-GB', options).format(toMs(instant));
}

/** A length of time in its two largest units. */
export function span(ms: number): string {
  const minutes = Math.floor(Math.abs(ms) / 60_000);
  if (minutes < 1) return `${Math.floor(Math.abs(ms) / 1_000)} s`;
  const [days, hours, rest] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24, minutes % 60];
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  return hours > 0 ? `${hours} h ${rest} min` : `${rest} min`;
}

export type Tone = 'bad' | 'warn' | 'unknown' | 'good' | 'idle';

interface Words {
  readonly tone: Tone;
  readonly words: string;
}

const statuses: Readonly<Record<string, Words>> = {
  severely_behind: { tone: 'bad', words: 'Severely behind' },
  overspent_after_cut: { tone: 'bad', words: 'Overspent after cut' },
  blocked: { tone: 'bad', words: 'Blocked' },
  exhausted: { tone: 'bad', words: 'Exhausted' },
  stale_data: { tone: 'unknown', words: 'Unknown: data is late' },
  behind: { tone: 'warn', words: 'Behind' },
  ahead: { tone: 'warn', words: 'Ahead' },
  capped_today: { tone: 'good', words: 'Capped today' },
  on_track: { tone: 'good', words: 'On track' },
  warming_up: { tone: 'idle', words: 'Warming up' },
  not_started: { tone: 'idle', words: 'Not started' },
  paused: { tone: 'idle', words: 'Paused' },
  ended_under: { tone: 'idle', words: 'Ended under' },
  ended_over: { tone: 'idle', words: 'Ended over' },
  ended_full: { tone: 'idle', words: 'Ended in full' },
};

export function statusWords(status: string): Words {
  return statuses[status] ?? { tone: 'idle', words: plain(status) };
}

export function alertTone(state: string, level: string): Tone {
  if (state === 'firing') return level === 'critical' ? 'bad' : 'warn';
  if (state === 'no_data' || state === 'error') return 'unknown';
  if (state === 'pending' || state === 'recovering') return 'idle';
  return 'good';
}

/** Words of the engine as a person would write them. */
export function plain(name: string): string {
  const text = name.replaceAll(/[_-]/g, ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
