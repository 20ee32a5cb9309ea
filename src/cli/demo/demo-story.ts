import type { Engine } from '../../app.ts';
import type { Clock } from '../../model/time.ts';
import type { Terminal } from '../terminal.ts';
import { type AlertRow, readAlerts, readCampaigns } from './demo-queries.ts';
import {
  alertStyle,
  alertText,
  type CampaignLine,
  type DemoModel,
  foldUnknown,
  formatCount,
  formatInstant,
  renderFrame,
} from './demo-view.ts';

const frameMs = 250;
const queryMs = 1_000;
const plainLineMs = 5_000;
const alertsPrinted = 16;
const campaignsMin = 3;
/** Lines of a frame beside its campaigns. */
const otherLines = 18;
const clearScreen = '\u001b[2J\u001b[H';
const home = '\u001b[H';
const clearToEndOfLine = '\u001b[K';
const clearBelow = '\u001b[J';
const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

export interface Story {
  readonly alerts: readonly AlertRow[];
  /** Seconds from the start to the first firing alert that a query could see; null = none fired. */
  readonly firstAlertSeconds: number | null;
}

/**
 * Shows a running engine until aborted: frames on a terminal, at most four a second; elsewhere one
 * line per alert and one every five seconds.
 */
export class DemoStory {
  readonly #engine: Engine;
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #alerts = new Map<string, AlertRow>();
  #campaigns: readonly CampaignLine[] = [];
  #firstAlertSeconds: number | null = null;
  #rate = { atMs: 0, records: 0, perSecond: 0 };
  #lastQueryMs = 0;
  #lastLineMs = 0;

  /** `startMs`: wall time at which the person pressed enter. */
  constructor(engine: Engine, terminal: Terminal, clock: Clock, startMs: number) {
    this.#engine = engine;
    this.#terminal = terminal;
    this.#clock = clock;
    this.#startMs = startMs;
  }

  /** Resolves when `signal` aborts. */
  async show(signal: AbortSignal): Promise<void> {
    const isLive = this.#terminal.canAnimate;
    const link = this.#link();
    if (link !== null) this.#terminal.note(link);
    if (isLive) this.#terminal.write(`${hideCursor}${clearScreen}`);
    try {
      while (!signal.aborted) {
        await this.#look();
        if (isLive) this.#draw();
        else this.#tell();
        await this.#clock.sleep(frameMs, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
    } finally {
      if (isLive) this.#terminal.write(showCursor);
    }
  }

  /** One last look, after everything is delivered. */
  async finish(): Promise<Story> {
    this.#lastQueryMs = 0;
    await this.#look();
    if (!this.#terminal.canAnimate) this.#tell();
    return { alerts: [...this.#alerts.values()], firstAlertSeconds: this.#firstAlertSeconds };
  }

  async #look(): Promise<void> {
    const now = this.#clock.wallMs();
    const endpoint = this.#engine.parts.queries;
    if (endpoint === null || now - this.#lastQueryMs < queryMs) return;
    this.#lastQueryMs = now;
    const [campaigns, alerts] = [await readCampaigns(endpoint), await readAlerts(endpoint)];
    this.#campaigns = campaigns;
    const fresh = alerts.filter(({ id }) => !this.#alerts.has(id));
    for (const alert of fresh) this.#alerts.set(alert.id, alert);
    if (fresh.some(({ state }) => state === 'firing'))
      this.#firstAlertSeconds ??= (this.#clock.wallMs() - this.#startMs) / 1_000;
    if (!this.#terminal.canAnimate) for (const alert of foldUnknown(fresh)) this.#terminal.note(alertText(alert));
  }

  #link(): string | null {
    const { consoleLink } = this.#engine;
    return consoleLink === null ? null : `Console: ${consoleLink}`;
  }

  #model(): DemoModel {
    const now = this.#clock.wallMs();
    const { records, dead_letters, lanes } = this.#engine.status();
    if (now - this.#rate.atMs >= queryMs) {
      const seconds = (now - this.#rate.atMs) / 1_000;
      this.#rate = {
        atMs: now,
        records,
        perSecond: this.#rate.atMs === 0 ? 0 : (records - this.#rate.records) / seconds,
      };
    }
    const clocks = lanes.flatMap(({ clock_ms }) => (clock_ms === null ? [] : [clock_ms]));
    return {
      title: 'Paceline demo',
      clockMs: clocks.length === 0 ? null : Math.max(...clocks),
      elapsedS: (now - this.#startMs) / 1_000,
      records,
      recordsPerSecond: this.#rate.perSecond,
      deadLetters: dead_letters,
      // A frame taller than the terminal would scroll instead of being redrawn in place.
      campaigns: this.#campaigns.slice(0, Math.max(campaignsMin, this.#terminal.rows - otherLines)),
      alerts: [...this.#alerts.values()],
      link: this.#link(),
      hint: `Ctrl+C ends the demo. Status: ${this.#engine.addresses.http}/-/status  SQL: ${this.#engine.addresses.clickhouse}`,
    };
  }

  #draw(): void {
    const lines = renderFrame(this.#model(), this.#terminal.columns, (style, text) =>
      this.#terminal.style(style, text),
    );
    this.#terminal.write(`${home}${lines.map((line) => `${line}${clearToEndOfLine}`).join('\n')}${clearBelow}`);
  }

  #tell(): void {
    const now = this.#clock.wallMs();
    if (now - this.#lastLineMs < plainLineMs) return;
    this.#lastLineMs = now;
    const { clockMs, records, recordsPerSecond, deadLetters, alerts } = this.#model();
    const at = clockMs === null ? 'waiting' : formatInstant(clockMs);
    this.#terminal.note(
      `${at}  ${formatCount(records)} records, ${formatCount(recordsPerSecond)}/s, ${deadLetters} dead letters, ${alerts.length} alert transitions`,
    );
  }
}

/** The alerts as they stand at the end, for people. */
export function printAlerts(story: Story, terminal: Terminal): void {
  const newest = foldUnknown(story.alerts).slice(-alertsPrinted);
  terminal.print(`${story.alerts.length} alert transitions, the newest:`);
  for (const alert of newest) terminal.print(terminal.style(alertStyle(alert), `  ${alertText(alert)}`));
}
