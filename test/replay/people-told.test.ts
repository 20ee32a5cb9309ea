import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRuleTests } from '../../src/adapters/history/run-rule-tests.ts';
import { systemClock } from '../../src/control/system-clock.ts';

// The examples of docs/rules.md on hours and on who hears of an alert, held by tests as people write them.
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-people-told-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function failuresOf(name: string, rules: Readonly<Record<string, string>>, tests: string): Promise<string[]> {
  const root = join(dir, name);
  mkdirSync(join(root, 'tests'), { recursive: true });
  for (const [id, text] of Object.entries(rules))
    writeFileSync(join(root, `${id}.yaml`), `id: ${id}\nname: R\n${text}`);
  writeFileSync(join(root, 'tests', 'all.test.yaml'), `rules: [${Object.keys(rules).join(', ')}]\n${tests}`);
  const { files } = await runRuleTests({ paths: [], rulesDirectory: root }, systemClock);
  return files.flatMap((file) =>
    file.tests.flatMap((each) =>
      each.failures.map(({ what, at, of, got, wanted }) => `${of} ${at} ${what}: ${got}, not ${wanted}`),
    ),
  );
}

test('weekdays only, and a weekend that does not count', async () => {
  const rules = {
    weekdays: "schedule: { active: mon-fri }\nwarning: { when: 'm.spend_2h <= 0.0', for: 4h }\n",
  };
  // 2026-03-06 is a Friday.
  const tests = `settings: { evaluate_every: 1m }
tests:
  - name: what is silent from Friday evening on is told on Monday morning
    start: 2026-03-06
    flights: { f1: { days: 10, budget: 240 } }
    series: { spend: '1/h for 20h, nothing for 60h' }
    expect:
      - { at: 21h, state: ok }
      - { at: 23h, state: pending, told: nothing }
      - { at: 30h..71h, state: pending, outcome: outside }
      - { at: 73h, state: pending }
      - { at: 75h, state: firing, told: warning }
`;
  expect(await failuresOf('weekdays', rules, tests)).toEqual([]);
  const wrong = tests.replace('at: 75h, state: firing', 'at: 73h, state: firing');
  expect(await failuresOf('wrong', rules, wrong)).not.toEqual([]);
});

test('one rule silences the other, and what is withheld is told when it may be', async () => {
  const rules = {
    cause: "warning: { when: 'p.elapsed_hours >= 2.0 && p.elapsed_hours < 5.0' }\n",
    effect: "inhibited_by: [cause]\nwarning: { when: 'p.elapsed_hours >= 2.0 && p.elapsed_hours < 8.0' }\n",
    shy: "notify: { cool_down: 6h }\nwarning: { when: 'p.elapsed_hours < 1.0 || p.elapsed_hours >= 3.0' }\n",
    shadow: "mode: shadow\nwarning: { when: 'p.elapsed_hours >= 2.0' }\n",
  };
  const tests = `settings: { evaluate_every: 1m }
tests:
  - name: people hear of the cause, and of the effect when it is all that is left
    flights: { f1: { days: 10, budget: 240 } }
    series: { spend: 1/h for 12h }
    expect:
      - { rule: cause, at: 3h, state: firing, told: warning }
      - { rule: effect, at: 3h, state: firing, told: nothing, withheld: inhibited }
      - { rule: effect, at: 5h30m, state: firing, told: warning }
      - { rule: effect, at: 9h, state: ok, told: nothing }
      - { rule: shy, at: 30m, told: warning }
      - { rule: shy, at: 2h, state: ok, told: nothing }
      - { rule: shy, at: 4h, state: firing, told: nothing, withheld: cool_down }
      - { rule: shy, at: 6h30m, state: firing, told: warning }
      - { rule: shadow, at: 4h, state: firing, told: nothing, withheld: shadow }
`;
  expect(await failuresOf('silenced', rules, tests)).toEqual([]);
});
