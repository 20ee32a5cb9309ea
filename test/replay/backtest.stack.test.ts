import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KafkaBench, stackBrokers } from '../sources/kafka/kafka-bench.ts';

const partitions = 2;
const loud = "id: loud\nname: Loud\nwarning: { when: 'p.osi_pct < 200.0' }\nsummary: '{{c.campaign_id}}'\n";

/** The command as users run it: a process of its own. */
function paceline(...args: readonly string[]): Record<string, unknown> {
  const main = join(import.meta.dirname, '../../src/main.ts');
  const flags = ['--disable-warning=ExperimentalWarning', main, ...args, '--json'];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as Record<string, unknown>;
}

test('a topic is backtested as the log that was sent to it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-backtest-'));
  await using bench = await KafkaBench.open({
    partitions,
    mode: 'replayed',
    config: { 'max.message.bytes': '4194304' },
  });
  bench.onDispose(async () => rmSync(dir, { recursive: true }));
  const sim = join(dir, 'sim');
  paceline('simulate', '--days', '1', '--campaigns', '3', '--partitions', String(partitions), '--out', sim);
  const config = join(dir, 'paceline.yaml');
  const settings = { log: { topic: bench.topic, mode: 'replayed', partitions }, kafka: { brokers: stackBrokers } };
  writeFileSync(config, JSON.stringify(settings));
  paceline('produce', sim, '--topic', 'ads.events.v1', '--config', config);
  const rule = join(dir, 'loud.yaml');
  writeFileSync(rule, loud);
  const written = paceline('backtest', '--rules', rule, '--log', sim);
  expect((written.candidate as { alerts: number }).alerts).toBeGreaterThan(0);
  for (const flags of [['--topic'], []])
    expect(paceline('backtest', '--rules', rule, '--config', config, ...flags)).toEqual(written);
});
