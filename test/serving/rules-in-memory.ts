import { EngineError } from '../../src/model/errors.ts';
import type { RuleStore } from '../../src/serving/ports.ts';

/** Rules of one organization in memory, numbered by their edits; `wrong` is a mistake. */
export function oneRule(): RuleStore {
  const rules = new Map<string, { text: string; version: number }>();
  const told = (ruleId: string) => {
    const { text, version } = rules.get(ruleId)!;
    return { ruleId, text, isOwn: true, isFile: false, version: String(version) };
  };
  const expectVersion = (ruleId: string, expected: string | null) => {
    const held = rules.get(ruleId)?.version ?? null;
    if (expected !== (held === null ? null : String(held)))
      throw new EngineError('EDIT_CONFLICT', `${ruleId} is at ${held}`);
    return held ?? 0;
  };
  return {
    rulesOf: async () => [...rules.keys()].map(told),
    async writeRule(_, { id, text }, expected) {
      const line = text.split('\n').findIndex((each) => each.includes('wrong')) + 1;
      if (line > 0) throw new EngineError('RULE_INVALID', `postgres rules(acme/${id}):${line}:5: wrong is no member`);
      rules.set(id, { text, version: expectVersion(id, expected) + 1 });
      return told(id);
    },
    async deleteRule(_, ruleId, expected) {
      expectVersion(ruleId, expected);
      rules.delete(ruleId);
    },
  };
}
