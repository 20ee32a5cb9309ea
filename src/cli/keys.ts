import { resolve } from 'node:path';
import type { ChangedLane, LaneKeys, ShownKey } from '../adapters/plans/plan-keys.ts';
import { systemClock } from '../control/system-clock.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';

export const keysCommand: Command = {
  name: 'keys',
  summary: 'Make the keys that sign plans, show who may sign, and change it.',
  examples: [
    'paceline keys make plans.pem',
    'paceline keys show --config config/production.yaml',
    'paceline keys rotate next.pem --config config/production.yaml',
    'paceline keys retire 0f1e2d3c4b5a6978 --config config/production.yaml',
  ],
  doc: 'make writes a new private key to FILE (mode 0600; an existing file is refused) and prints its public key, for plans.root_key. show prints the key of plans.key_file and the key ring of each lane, as the log says it. rotate lets the key of FILE sign too, signed by plans.key_file; then name FILE in plans.key_file, restart, and retire the old key by its id. Each change is a record in every lane, in force from its offset on. A private key is never printed. In a data directory no engine may run meanwhile.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  words: { name: 'ACTION [FILE or ID]', doc: 'make FILE, show, rotate FILE or retire ID.', min: 1, max: 2 },
  async run(call, terminal) {
    const [action, subject] = call.words;
    if (action === 'show' && subject === undefined) return await show(call, terminal);
    if (subject === undefined || !['make', 'rotate', 'retire'].includes(action))
      throw usage(`"${call.words.join(' ')}" is not one of make FILE, show, rotate FILE, retire ID`);
    if (action === 'make') return await make(resolve(subject), call, terminal);
    const { addPlanKey, retirePlanKey } = await import('../adapters/plans/plan-keys.ts');
    const { config } = loadCallConfig(call);
    const changed =
      action === 'rotate'
        ? await addPlanKey(config, context(), resolve(subject))
        : await retirePlanKey(config, context(), subject);
    printChange(changed, call, terminal);
    return 0;
  },
};

const context = () => ({ clock: systemClock, log: quietLogger() });

async function make(file: string, call: Call, terminal: Terminal): Promise<number> {
  const { makeKeyFile } = await import('../plans/plan-signer.ts');
  const { publicKey, keyId } = makeKeyFile(file);
  if (call.has('json')) terminal.printJson({ file, public_key: publicKey, id: keyId });
  else {
    terminal.print(`private key  ${file}`);
    terminal.print(`public key   ${publicKey}`);
    terminal.print(`id           ${keyId}`);
    terminal.note(
      'plans.root_key takes the public key, plans.key_file the path; keep a copy of the file in a safe place',
    );
  }
  return 0;
}

async function show(call: Call, terminal: Terminal): Promise<number> {
  const { config } = loadCallConfig(call);
  const { readPlanKeys } = await import('../adapters/plans/plan-keys.ts');
  const { root, own, lanes } = await readPlanKeys(config, context());
  if (call.has('json')) terminal.printJson({ root_key: root, key: own, lanes });
  else {
    terminal.print(`stream  ${root === null ? 'takes unsigned plans' : `begins with ${spell(root)}`}`);
    terminal.print(`key     ${own === null ? 'none: this process verifies plans and writes none' : spell(own)}`);
    printRings(lanes, terminal);
  }
  return 0;
}

function spell({ id, public_key }: ShownKey): string {
  return `${id}, ${public_key}`;
}

/** Lanes with the same ring in one line. */
function printRings(lanes: readonly LaneKeys[], terminal: Terminal): void {
  const alike = Map.groupBy(lanes, ({ number, keys }) => `${number} ${keys.map(({ id }) => id).join(' ')}`);
  for (const same of alike.values()) {
    const [{ number, keys }] = same;
    const which =
      same.length === lanes.length ? `all ${lanes.length}` : same.map(({ partition }) => partition).join(',');
    const ids = keys.map(({ id }) => id).join(', ');
    terminal.print(
      `lanes   ${which}: ${number === 0 ? 'no key ring yet, unsigned plans are taken' : `ring ${number}: ${ids}`}`,
    );
  }
}

function printChange(lanes: readonly ChangedLane[], call: Call, terminal: Terminal): void {
  const changed = lanes.filter(({ offset }) => offset !== null).length;
  if (call.has('json')) terminal.printJson({ changed, lanes });
  else {
    printRings(lanes, terminal);
    terminal.print(`${changed} lanes changed, ${lanes.length - changed} as they were`);
  }
}
