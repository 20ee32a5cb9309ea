import { appendFileSync } from 'node:fs';

/** What was done to whom, in order: counted for the report, written down for whoever has to look. */
export class FaultLog {
  readonly counts = new Map<string, number>();
  /** What must never happen, whatever was injected. */
  readonly violations: string[] = [];
  readonly #path: string;
  readonly #start = performance.now();

  constructor(path: string) {
    this.#path = path;
  }

  get elapsedMs(): number {
    return performance.now() - this.#start;
  }

  inject(fault: string, detail = ''): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    this.note(`${fault} ${detail}`);
  }

  violate(what: string): void {
    this.violations.push(what);
    this.note(`VIOLATION ${what}`);
  }

  note(text: string): void {
    appendFileSync(this.#path, `${(this.elapsedMs / 1_000).toFixed(3).padStart(9)} ${text.trim()}\n`);
  }

  count(...faults: readonly string[]): number {
    return faults.reduce((sum, fault) => sum + (this.counts.get(fault) ?? 0), 0);
  }
}
