import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSimulatedLog } from '../../src/adapters/log/simulated-log.ts';
import { systemClock } from '../../src/control/system-clock.ts';

const config = join(import.meta.dirname, '../../config');

/** The shipped rules, some texts of them changed, in a directory of their own. */
export function writeRules(dir: string, changes: Readonly<Record<string, readonly [string, string]>> = {}): string {
  mkdirSync(dir, { recursive: true });
  const shipped = readdirSync(join(config, 'rules')).filter((name) => name.endsWith('.yaml'));
  for (const name of shipped) {
    const text = readFileSync(join(config, 'rules', name), 'utf8');
    const [from, to] = changes[name] ?? ['', ''];
    if (!text.includes(from)) throw new Error(`${name} does not say ${from}`);
    writeFileSync(join(dir, name), text.replaceAll(from, to));
  }
  return dir;
}

/** A simulated log whose plans have these rules; the same world whatever the rules are. */
export async function simulate(
  dir: string,
  rules: string,
  size: { readonly days: number; readonly campaigns: number; readonly seed: number },
): Promise<void> {
  const plans = { organizations: join(config, 'organizations.yaml'), rules };
  await writeSimulatedLog({ dir, ...size, partitions: 3, encoding: 'binary', plans, clock: systemClock });
}
