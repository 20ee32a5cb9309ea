import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { scorePage, scoreSize } from './score/score-page.ts';
import { takeScore } from './score/take-score.ts';

/** `npm run score`: the shipped rules against the simulator's labelled faults, printed to docs/score.md. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    days: { type: 'string' },
    campaigns: { type: 'string' },
    show: { type: 'boolean' },
  },
});
const size = {
  ...scoreSize,
  ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
  ...(values.days === undefined ? {} : { days: Number(values.days) }),
  ...(values.campaigns === undefined ? {} : { campaigns: Number(values.campaigns) }),
};
const taken = await takeScore(size);
const page = scorePage(taken);
const isUsual = Object.keys(values).every((name) => name === 'show');
if (values.show === true) {
  for (const label of taken.shipped.missed)
    console.log('missed', JSON.stringify(label), new Date(label.sinceMs).toISOString());
  for (const { alert, atMs } of taken.shipped.wrong)
    console.log(
      'wrong',
      new Date(atMs).toISOString(),
      alert.org_id,
      alert.rule_id,
      alert.level,
      alert.reason,
      alert.to_state,
      '|',
      alert.summary,
      alert.values,
    );
}
if (isUsual && values.show !== true) {
  const path = join(import.meta.dirname, '..', 'docs', 'score.md');
  const isNew = readFileSync(path, { encoding: 'utf8', flag: 'a+' }) !== page;
  writeFileSync(path, page);
  console.log(isNew ? 'wrote docs/score.md' : 'docs/score.md says so already');
} else console.log(page);
