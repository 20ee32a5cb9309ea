import type { Clock } from '../../model/time.ts';
import type { LoadedConfig } from './load-config.ts';
import { ConfigError } from './problem.ts';
import { type SettingDescription, valueAt } from './settings-schema.ts';

const configPollMs = 5_000;

interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** What one attempt to reload did. `rejected` keeps the last good configuration. */
export type ReloadOutcome =
  | { result: 'unchanged' }
  | { result: 'applied'; applied: readonly Change[]; waitingForRestart: readonly Change[] }
  | { result: 'rejected'; reason: string };

interface ReloadCounts {
  applied: number;
  rejected: number;
  lastSuccessWallMs: number;
  isLastSuccessful: boolean;
}

interface ConfigStoreOptions<C> {
  readonly settings: readonly SettingDescription[];
  /** Reads and validates all files again; throws ConfigError. */
  readonly load: () => LoadedConfig<C>;
  readonly clock: Clock;
  /** Called once per attempt that changed something or failed anew. */
  readonly onOutcome?: (outcome: ReloadOutcome) => void;
}

/**
 * The configuration in force. A reload takes fields marked `live`; a change of any other field is
 * named and waits for a restart; a bad file changes nothing. Answers never depend on any of it.
 */
export class ConfigStore<C> {
  readonly counts: ReloadCounts;
  readonly #options: ConfigStoreOptions<C>;
  readonly #listeners: ((config: C) => void)[] = [];
  #current: LoadedConfig<C>;
  #config: C;
  #checksumSeen: string;
  #lastRejection = '';

  constructor(first: LoadedConfig<C>, options: ConfigStoreOptions<C>) {
    this.#current = first;
    this.#config = first.config;
    this.#checksumSeen = first.checksum;
    this.#options = options;
    this.counts = { applied: 0, rejected: 0, lastSuccessWallMs: options.clock.wallMs(), isLastSuccessful: true };
  }

  get config(): C {
    return this.#config;
  }

  get files(): readonly string[] {
    return this.#current.files;
  }

  /** Checksum of the files whose values are in force. */
  get checksum(): string {
    return this.#current.checksum;
  }

  /** Calls `listener` after each reload that changed a live field. */
  onChange(listener: (config: C) => void): void {
    this.#listeners.push(listener);
  }

  reload(): ReloadOutcome {
    const outcome = this.#attempt();
    if (outcome.result === 'rejected' && outcome.reason === this.#lastRejection) return outcome;
    this.#lastRejection = outcome.result === 'rejected' ? outcome.reason : '';
    if (outcome.result !== 'unchanged') this.#options.onOutcome?.(outcome);
    return outcome;
  }

  /** Polls the checksum until aborted: file watchers go deaf where mounts swap symlinks. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#options.clock.sleep(configPollMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      this.reload();
    }
  }

  #attempt(): ReloadOutcome {
    let loaded: LoadedConfig<C>;
    try {
      loaded = this.#options.load();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (error.message !== this.#lastRejection) this.counts.rejected += 1;
      this.counts.isLastSuccessful = false;
      return { result: 'rejected', reason: error.message };
    }
    this.counts.isLastSuccessful = true;
    this.counts.lastSuccessWallMs = this.#options.clock.wallMs();
    if (loaded.checksum === this.#checksumSeen && this.#differences(this.#current.config, loaded.config).length === 0)
      return { result: 'unchanged' };
    this.#checksumSeen = loaded.checksum;
    return this.#take(loaded);
  }

  #take(loaded: LoadedConfig<C>): ReloadOutcome {
    const changed = this.#differences(this.#config, loaded.config);
    const live = changed.filter((setting) => setting.reload === 'live');
    const next = structuredClone(this.#config);
    for (const { keys } of live) {
      const parent = valueAt(next, keys.slice(0, -1)) as Record<string, unknown>;
      parent[keys.at(-1)!] = valueAt(loaded.config, keys);
    }
    const change = (setting: SettingDescription): Change => ({
      name: setting.name,
      before: shown(setting, this.#config),
      after: shown(setting, loaded.config),
    });
    const outcome: ReloadOutcome = {
      result: 'applied',
      applied: live.map(change),
      waitingForRestart: changed.filter((setting) => setting.reload === 'restart').map(change),
    };
    this.#current = loaded;
    this.#config = next;
    this.counts.applied += 1;
    if (live.length > 0) for (const listener of this.#listeners) listener(next);
    return outcome;
  }

  #differences(before: C, after: C): SettingDescription[] {
    const isChanged = ({ keys }: SettingDescription) =>
      JSON.stringify(valueAt(before, keys)) !== JSON.stringify(valueAt(after, keys));
    return this.#options.settings.filter(isChanged);
  }
}

function shown(setting: SettingDescription, config: unknown): string {
  return setting.secret ? '***' : JSON.stringify(valueAt(config, setting.keys));
}
