import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { visitLog } from '../src/adapters/log/visit-log.ts';
import { applyFiles } from '../src/adapters/plans/apply-files.ts';
import { addPlanKey, readPlanKeys, retirePlanKey } from '../src/adapters/plans/plan-keys.ts';
import { ScannedPlanLog } from '../src/adapters/plans/plan-log.ts';
import { loadConfig } from '../src/adapters/settings.ts';
import { startEngine } from '../src/app.ts';
import { makeLogger } from '../src/control/logs/logger.ts';
import { askClickHouse, rowsOf } from '../src/control/query-client.ts';
import { systemClock } from '../src/control/system-clock.ts';
import { planRecord } from '../src/plans/apply-plans.ts';
import { readPlanFiles } from '../src/plans/plan-files.ts';
import { makeKeyFile, type PlanSigning, unsignedPlans } from '../src/plans/plan-signer.ts';

// From unsigned to signed plans, step by step as docs/production.md tells it, on the embedded engine.
const shippedConfigDirectory = join(import.meta.dirname, '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
const context = { clock: systemClock, log, actor: 'test' };
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'paceline-signed-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function load(plans: Readonly<Record<string, unknown>> = {}) {
  const organizations = join(dir, 'organizations.yaml');
  const overrides = {
    data_directory: join(dir, 'data'),
    http: { port: 0 },
    clickhouse: { port: 0 },
    bronze: { enabled: false },
    log: { partitions: 2 },
    plans: { organizations, rules: join(dir, 'rules'), ...plans },
  };
  return loadConfig([], { shippedConfigDirectory, overrides });
}

function writePlans(zone: string): void {
  writeFileSync(
    join(dir, 'organizations.yaml'),
    `defaults: { zone: ${zone} }\norganizations: { acme: { zone: ${zone} } }\n`,
  );
}

async function run<T>(
  loaded: ReturnType<typeof load>,
  look: (ask: (sql: string) => Promise<unknown[]>) => Promise<T>,
  isUntilEnd = true,
) {
  const engine = await startEngine(loaded, { version: 'test', clock: systemClock, log, isUntilEnd });
  try {
    await engine.drain();
    return await look(async (sql) => rowsOf(await askClickHouse(engine.parts.queries!, sql)));
  } finally {
    await engine.stop();
  }
}

/** Appends a plan of everyone as some producer may: by its own signing, under a number of its own. */
async function say(number: number, signing: PlanSigning): Promise<void> {
  const draft = readPlanFiles(load().config.plans).drafts[0];
  await visitLog(load().config, context, async ({ plans }) => {
    expect(plans).toBeInstanceOf(ScannedPlanLog);
    await plans.append(planRecord(draft, 0, number, signing));
  });
}

test('from unsigned to signed, and on to another key', { timeout: 180_000 }, async () => {
  mkdirSync(join(dir, 'rules'));
  writePlans('UTC');
  // An unsigned stream, and somebody who takes the last number there is.
  await run(load(), async () => {}, false);
  await say(4_294_967_295, unsignedPlans);
  await run(load(), async (ask) => expect(await ask('SELECT reason FROM dead_letters')).toEqual([]));

  // The stream gets a key: everything in force is said again, signed, and the last number stops nobody.
  const [file, nextFile] = [join(dir, 'plans.pem'), join(dir, 'next.pem')];
  const root_key = makeKeyFile(file).publicKey;
  const signed = load({ root_key, key_file: file });
  const applied = await applyFiles(signed.config, context);
  expect(applied.plans.every(({ offset }) => offset !== null)).toBe(true);
  await say(9, unsignedPlans);
  const stranger = makeKeyFile(join(dir, 'stranger.pem'));
  await say(9, { root: stranger.publicKey, signer: stranger });
  await run(signed, async (ask) =>
    expect(await ask('SELECT reason, org_id FROM dead_letters')).toEqual(
      Array(2).fill({ reason: 'bad_signature', org_id: '_system' }),
    ),
  );
  // What nobody may say moves no number of ours.
  writePlans('Asia/Tokyo');
  const again = await applyFiles(signed.config, context);
  const numbers = (plans: typeof again.plans) => plans.map(({ orgId, number }) => `${orgId} ${number}`);
  expect(numbers(again.plans)).toEqual(
    numbers(applied.plans).map((text) => text.replace(/\d+$/, (n) => String(Number(n) + 1))),
  );

  // Without the key of its generation the state is another stream's.
  await expect(run(load(), async () => {})).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });

  // Another key: an old one lets it in, it signs, the old one leaves.
  const next = makeKeyFile(nextFile);
  const onNext = load({ root_key, key_file: nextFile });
  await expect(applyFiles(onNext.config, context)).rejects.toMatchObject({ code: 'CONTROL_REFUSED' });
  await addPlanKey(signed.config, context, nextFile);
  const { lanes, own } = await readPlanKeys(onNext.config, context);
  expect(lanes.map(({ number, keys }) => [number, keys.length])).toEqual([
    [2, 2],
    [2, 2],
  ]);
  await retirePlanKey(onNext.config, context, lanes[0].keys[0].id);
  expect(own?.id).toBe(next.keyId);
  writePlans('Europe/Berlin');
  await applyFiles(onNext.config, context);
  await run(onNext, async (ask) => expect(await ask('SELECT count() AS n FROM dead_letters')).toEqual([{ n: '2' }]));
  await expect(applyFiles(signed.config, context)).rejects.toMatchObject({ code: 'CONTROL_REFUSED' });
});
