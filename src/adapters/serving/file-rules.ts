import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../model/errors.ts';
import { type PlanFiles, readPlanFiles } from '../../plans/plan-files.ts';
import type { RuleStore, RuleText } from '../../serving/ports.ts';

interface PlanPaths {
  readonly organizations: string;
  readonly rules: string;
}

/** Rules that are kept in files: everybody reads them here, and they are changed there. */
export class FileRules implements RuleStore {
  readonly #paths: PlanPaths;
  #read: { readonly mark: string; readonly rules: PlanFiles['rules'] } | null = null;

  constructor(paths: PlanPaths) {
    this.#paths = paths;
  }

  async rulesOf(orgId: string): Promise<RuleText[]> {
    const own = this.#rules().filter(
      ({ organizations }) => organizations === undefined || organizations.includes(orgId),
    );
    return own.map(({ rule, text, organizations }) => ({
      ruleId: rule.id,
      text,
      isOwn: organizations !== undefined,
      isFile: true,
      version: createHash('sha256').update(text).digest('hex').slice(0, 16),
    }));
  }

  writeRule(): Promise<never> {
    return Promise.reject(kept());
  }

  deleteRule(): Promise<never> {
    return Promise.reject(kept());
  }

  /** Compiling them takes the time of many records, so they are read again when a file changed, and not before. */
  #rules(): PlanFiles['rules'] {
    try {
      const mark = markOf(this.#paths);
      if (this.#read?.mark !== mark) this.#read = { mark, rules: readPlanFiles(this.#paths).rules };
      return this.#read.rules;
    } catch (cause) {
      throw new EngineError('CONTROL_UNAVAILABLE', `the files of rules cannot be read: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}

function kept(): EngineError {
  return new EngineError('EDIT_REFUSED', 'the rules of this installation are kept in files (plans.rules)');
}

/** Names, sizes and times of all files that make the rules. */
function markOf({ organizations, rules }: PlanPaths): string {
  const files = [
    organizations,
    ...readdirSync(rules)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => join(rules, name)),
  ];
  return files
    .map((file) => {
      const { size, mtimeMs } = statSync(file);
      return `${file} ${size} ${mtimeMs}`;
    })
    .join('\n');
}
