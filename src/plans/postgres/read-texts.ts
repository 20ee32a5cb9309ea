import { type CheckedFile, checkFile } from '../checked-file.ts';
import { type Section, sectionSchema } from '../organizations-file.ts';
import { type ReadRule, readRule } from '../rule-file.ts';

type RuleText = ReturnType<typeof readRule> & { readonly read: ReadRule | undefined };

/**
 * What texts of rows say, read once: reading one takes up to a second, and each edit of anybody looks at
 * all rows again. So what one tenant writes costs once, and never again with the edits of others.
 */
export class ReadTexts {
  #rules = new Map<string, RuleText>();
  #settings = new Map<string, CheckedFile<Section | null>>();
  readonly #used = new Set<string>();

  rule(name: string, text: string): RuleText {
    return this.#remember(this.#rules, name, text, () => readRule(name, text));
  }

  settings(name: string, text: string): CheckedFile<Section | null> {
    return this.#remember(this.#settings, name, text, () => checkFile(name, text, sectionSchema.nullable()));
  }

  /** Forgets what was not asked for since the last time: rows that are gone, and texts before an edit. */
  forgetUnused(): void {
    for (const known of [this.#rules, this.#settings])
      for (const key of known.keys()) if (!this.#used.has(key)) known.delete(key);
    this.#used.clear();
  }

  #remember<T>(known: Map<string, T>, name: string, text: string, read: () => T): T {
    const key = `${name}\0${text}`;
    this.#used.add(key);
    let found = known.get(key);
    if (found === undefined) {
      found = read();
      known.set(key, found);
    }
    return found;
  }
}
