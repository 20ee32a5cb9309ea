import type { Clock } from '../model/time.ts';
import type { Terminal } from './terminal.ts';

const redrawMs = 250;
const plainLineMs = 5_000;

/**
 * Progress of long work on stderr: done, rate, time left. Redrawn in place on a terminal; elsewhere a
 * plain line every five seconds, so that a log file stays short.
 */
export class Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #what: string;
  readonly #startMs: number;
  #lastMs: number;
  #isDrawn = false;

  constructor(terminal: Terminal, clock: Clock, what: string) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#what = what;
    this.#startMs = clock.steadyMs();
    this.#lastMs = this.#startMs;
  }

  /** `total` null = unknown. Cheap to call often. */
  update(done: number, total: number | null): void {
    const now = this.#clock.steadyMs();
    const interval = this.#terminal.notesCanAnimate ? redrawMs : plainLineMs;
    if (now - this.#lastMs < interval) return;
    this.#lastMs = now;
    const line = progressLine(this.#what, done, total, now - this.#startMs);
    if (this.#terminal.notesCanAnimate) this.#terminal.writeNote(`\r\u001b[2K${line}`);
    else this.#terminal.note(line);
    this.#isDrawn = this.#terminal.notesCanAnimate;
  }

  /** Removes the drawn line, so that what follows starts clean. */
  end(): void {
    if (this.#isDrawn) this.#terminal.writeNote('\r\u001b[2K');
    this.#isDrawn = false;
  }
}

/** "reading 1.2M of 5.0M records (24 %), 310k/s, 12 s left". */
export function progressLine(what: string, done: number, total: number | null, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (done * 1_000) / elapsedMs : 0;
  const speed = `${compact(rate)}/s`;
  if (total === null || total <= 0) return `${what} ${compact(done)}, ${speed}`;
  const percent = Math.min(100, Math.floor((done * 100) / total));
  const left = rate > 0 ? `, ${secondsText((total - done) / rate)} left` : '';
  return `${what} ${compact(done)} of ${compact(total)} (${percent} %), ${speed}${left}`;
}

function compact(count: number): string {
  if (count < 1_000) return String(Math.round(count));
  return count < 1_000_000 ? `${(count / 1_000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}

function secondsText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  return whole < 3_600
    ? `${Math.floor(whole / 60)} min ${whole % 60} s`
    : `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
