import { userInfo } from 'node:os';
import type { LetterDesk } from '../adapters/records/open-letter-desk.ts';
import { systemClock } from '../control/system-clock.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';

export const recordCommand: Command = {
  name: 'record',
  summary: 'Show one record by its address: its bytes, what they say, and what it changed.',
  examples: [
    'paceline record acme ads.events.v1/3/1842 --data ./data',
    'paceline record acme ads.events.v1/3/1842 --json --config config/production.yaml',
  ],
  doc: 'Finds the record in the log, in bronze when the log has forgotten it, else among dead letters, and tells its bytes, its fields, what became of it (counted, late, refused, a test), the rows whose newest version it made, and the days of its campaign in which it lies. Rows that later records changed since carry their versions. ORG is the organization of its key, _system where that names nobody.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  words: { name: 'ORG ADDRESS', doc: 'the organization, and TOPIC/PARTITION/OFFSET.', min: 2, max: 2 },
  async run(call, terminal) {
    const [orgId, address] = call.words;
    const { config } = loadCallConfig(call);
    const { openLetterDesk } = await import('../adapters/records/open-letter-desk.ts');
    const actor = `${userInfo().username} by paceline record`;
    await using desk = await openLetterDesk(config, { clock: systemClock, log: quietLogger(), actor });
    return await printRecord(desk, orgId, address, call, terminal);
  },
};

/** A record for a person, or as JSON with what was sent again of it. */
export async function printRecord(
  desk: LetterDesk,
  orgId: string,
  address: string,
  call: Call,
  terminal: Terminal,
): Promise<number> {
  const [, topic, partition, offset] = /^([A-Za-z0-9._-]{1,249})\/(\d{1,5})\/(\d{1,15})$/.exec(address) ?? [];
  if (offset === undefined)
    throw usage(`an address is TOPIC/PARTITION/OFFSET, as in ads.events.v1/3/1842, not "${address}"`);
  const place = { topic, partition: Number(partition), log_offset: Number(offset) };
  const { data: record } = await desk.ask('getRecord', orgId, place);
  const { data: replays } = await desk.ask('listReplays', orgId, place);
  if (call.has('json')) {
    terminal.printJson({ ...record, replays });
    return 0;
  }
  const { kind, log_time, event_time, held_by, raw_length, raw_sha256, fate, fate_detail, problem, fields, changed } =
    record;
  const happened = event_time === null ? '' : `, happened at ${event_time}`;
  terminal.print(
    `${address}: ${kind ?? 'cannot be read'}, in the log at ${log_time}${happened}, held by ${held_by.replace('_', ' ')}`,
  );
  terminal.print(`${fate.replace('_', ' ')}${fate_detail === '' ? '' : `: ${fate_detail}`}`);
  if (problem === null && fate === 'dead_letter')
    terminal.print('decodes now: what was wrong with its bytes is mended');
  else if (problem !== null) terminal.print(`decoding says now: ${problem.reason}: ${problem.detail}`);
  for (const [name, value] of Object.entries(fields ?? {}))
    terminal.print(`  ${name.padEnd(22)} ${JSON.stringify(value)}`);
  terminal.print(`${raw_length} bytes, SHA-256 ${raw_sha256}`);
  printBytes(record.raw_base64, terminal);
  for (const { table, campaign_id, flight_id, name, at, version, is_last } of changed) {
    const row = [campaign_id, flight_id, name].filter((part) => part !== '').join(' ');
    terminal.print(`${is_last ? 'changed' : 'lies in'} ${table} ${row} ${at}, version ${version}`);
  }
  for (const { by, at, new_partition, new_log_offset } of replays) {
    const where = new_log_offset === null ? 'under way' : `now at partition ${new_partition}, offset ${new_log_offset}`;
    terminal.print(`sent again by ${by} at ${at}: ${where}`);
  }
  return 0;
}

const shownBytes = 4_096;
const lineBytes = 16;

/** Text as text, anything else as a hex viewer shows it. */
function printBytes(base64: string | null, terminal: Terminal): void {
  if (base64 === null) return;
  const bytes = Buffer.from(base64, 'base64').subarray(0, shownBytes);
  if (bytes[0] === 0x7b) {
    terminal.print(`  ${bytes.toString('utf8').replaceAll(/\p{Cc}/gu, '·')}`);
    return;
  }
  for (let at = 0; at < bytes.length; at += lineBytes) {
    const own = [...bytes.subarray(at, at + lineBytes)];
    const hex = own.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = own.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    terminal.print(`  ${at.toString(16).padStart(6, '0')}  ${hex.padEnd(lineBytes * 3)} ${text}`);
  }
}
