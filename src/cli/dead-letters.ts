import { userInfo } from 'node:os';
import type { LetterDesk } from '../adapters/records/open-letter-desk.ts';
import { systemClock } from '../control/system-clock.ts';
import { fileTrouble } from '../model/file-trouble.ts';
import { nearest } from '../model/nearest.ts';
import { readTextFile } from '../model/read-text.ts';
import { printRows } from './accounts-call.ts';
import { type Call, type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { usage } from './parse-call.ts';
import { quietLogger } from './quiet-logger.ts';
import { printRecord } from './record.ts';
import type { Terminal } from './terminal.ts';

type Action = (desk: LetterDesk, orgId: string, call: Call, terminal: Terminal) => Promise<number>;

const actions: Readonly<Record<string, Action>> = { count, list, show, replay, replays };

export const deadLettersCommand: Command = {
  name: 'dead-letters',
  summary: 'Show records that could not be used, and send the mended ones again.',
  examples: [
    'paceline dead-letters count acme --data ./data',
    'paceline dead-letters list acme --reason unknown_schema --source dsp.example --data ./data',
    'paceline dead-letters show acme ads.events.v1/3/1842 --data ./data',
    'paceline dead-letters replay acme --reason unknown_schema --from 2026-11-29T00:00:00Z --yes',
    'paceline dead-letters replay acme ads.events.v1/3/1842 --value mended.json --yes',
    'paceline dead-letters replays acme --json',
  ],
  doc: 'count tells the reasons of a period, list the letters, newest first, show one of them with its bytes, its fields and what is wrong with it. replay sends letters again, as new records at the end of the log: those that are named, else all of a period by --reason and --source, the oldest first. It shows what it would send and sends nothing until --yes. The bytes go as they came; --value gives the mended event of one letter, a file of JSON as docs/events.md shows it. A letter is sent once, whoever asks how often, also after a crash in between; what would be refused again is held back and says why, and the exit code is then 1. --new-ids gives other event ids, where the engine remembers their own and would take them for duplicates. replays shows what was sent again, by whom, when, and where it lies now. Without --from and --to the last 31 days are meant. Works beside a running engine or without one, with the log in the data directory or in Kafka; docs/dead-letters.md tells more.',
  flags: {
    config: configFlag,
    data: dataFlag,
    reason: {
      type: 'text',
      value: 'REASON',
      doc: 'Only letters refused for this reason; docs/events.md explains each.',
    },
    source: { type: 'text', value: 'SOURCE', doc: 'Only letters whose bytes hold the name of this source.' },
    from: {
      type: 'text',
      value: 'TIME',
      doc: 'Only letters from this instant of the log on, as in 2026-11-29T00:00:00Z.',
    },
    to: { type: 'text', value: 'TIME', doc: 'Only letters before this instant; at most 31 days after --from.' },
    limit: { type: 'integer', value: 'N', doc: 'Letters that list and replays show.', default: '50', min: 1, max: 500 },
    value: { type: 'text', value: 'FILE', doc: 'The mended event of the one letter that is named, as JSON.' },
    as: { type: 'text', value: 'ORG', doc: 'Whose records they are: for letters of _system, whose keys name nobody.' },
    'new-ids': { type: 'boolean', doc: 'Give each letter another event id, always the same for the same letter.' },
    yes: { type: 'boolean', doc: 'Send them.' },
    json: jsonFlag,
  },
  words: {
    name: 'ACTION ORG [ADDRESS...]',
    doc: 'count, list or replays ORG; show ORG ADDRESS; replay ORG [ADDRESS...]; an address is TOPIC/PARTITION/OFFSET.',
    min: 2,
    max: 102,
  },
  async run(call, terminal) {
    const [action, orgId, ...addresses] = call.words;
    const run = Object.hasOwn(actions, action) ? actions[action] : null;
    if (run === null) throw unknownAction(action);
    if (action === 'show' ? addresses.length !== 1 : addresses.length > 0 && action !== 'replay')
      throw usage(`"dead-letters ${action}" takes ${action === 'show' ? 'one ADDRESS' : 'no ADDRESS'}`);
    const { config } = loadCallConfig(call);
    const { openLetterDesk } = await import('../adapters/records/open-letter-desk.ts');
    const actor = `${userInfo().username} by paceline dead-letters`;
    await using desk = await openLetterDesk(config, { clock: systemClock, log: quietLogger(), actor });
    return await run(desk, orgId, call, terminal);
  },
};

function unknownAction(action: string): Error {
  const near = nearest(action, Object.keys(actions));
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return usage(`"${action}" is not one of ${Object.keys(actions).join(', ')}${hint}`);
}

/** What the flags choose. */
function choiceOf(call: Call) {
  const said = (name: string) => call.text(name);
  return {
    ...defined('reason', said('reason')),
    ...defined('source', said('source')),
    ...defined('from', instantOf(call, 'from')),
    ...defined('to', instantOf(call, 'to')),
  };
}

function defined<Name extends string>(name: Name, value: string | undefined): { [N in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [N in Name]?: string };
}

function instantOf(call: Call, flag: string): string | undefined {
  const said = call.text(flag);
  if (said === undefined) return undefined;
  const ms = Date.parse(said);
  if (Number.isNaN(ms) || !/(Z|[+-]\d\d:\d\d)$/.test(said))
    throw usage(`--${flag} must be an instant with its zone, as in 2026-03-08T12:00:00Z, got "${said}"`);
  return new Date(ms).toISOString();
}

async function count(desk: LetterDesk, orgId: string, call: Call, terminal: Terminal): Promise<number> {
  const { from, to } = choiceOf(call);
  const { data } = await desk.ask('countDeadLetters', orgId, { ...defined('from', from), ...defined('to', to) });
  const rows = data.map(({ topic, reason, records, newest, example }) => ({
    ...{ reason, records, newest, newest_address: `${topic}/${example.partition}/${example.log_offset}` },
  }));
  printRows(rows, ['reason', 'records', 'newest', 'newest_address'], call, terminal);
  return 0;
}

async function list(desk: LetterDesk, orgId: string, call: Call, terminal: Terminal): Promise<number> {
  const limit = call.number('limit') ?? 50;
  const { data, nextCursor } = await desk.ask('listDeadLetters', orgId, { ...choiceOf(call), limit });
  const rows = data.map((letter) => ({ address: addressOf(letter), ...letter }));
  printRows(rows, ['address', 'log_time', 'reason', 'detail'], call, terminal);
  if (nextCursor !== null)
    terminal.note(`there are older ones; say --to ${String(data.at(-1)?.log_time)}, or a higher --limit`);
  return 0;
}

async function show(desk: LetterDesk, orgId: string, call: Call, terminal: Terminal): Promise<number> {
  return await printRecord(desk, orgId, call.words[2], call, terminal);
}

function addressOf(place: { topic: unknown; partition: unknown; log_offset: unknown }): string {
  return `${String(place.topic)}/${String(place.partition)}/${String(place.log_offset)}`;
}

async function replays(desk: LetterDesk, orgId: string, call: Call, terminal: Terminal): Promise<number> {
  const { data, nextCursor } = await desk.ask('listReplays', orgId, { limit: call.number('limit') ?? 50 });
  const rows = data.map((each) => ({ address: addressOf(each), ...each }));
  printRows(rows, ['at', 'by', 'address', 'new_partition', 'new_log_offset', 'is_mended', 'replay_id'], call, terminal);
  if (nextCursor !== null) terminal.note('there are older ones; say a higher --limit');
  return 0;
}

function askReplay(desk: LetterDesk, orgId: string, asked: Parameters<typeof desk.ask<'replayDeadLetters'>>[2]) {
  return desk.ask('replayDeadLetters', orgId, asked);
}

type Replayed = Awaited<ReturnType<typeof askReplay>>;

const harmless: ReadonlySet<string> = new Set(['sent', 'would_be_sent', 'already_sent']);

async function replay(desk: LetterDesk, orgId: string, call: Call, terminal: Terminal): Promise<number> {
  const letters = call.words.slice(2);
  const isDryRun = !call.has('yes');
  // Its end is set before it begins: what is refused meanwhile is another choice.
  const chosen =
    letters.length > 0 ? choiceOf(call) : { to: new Date(systemClock.wallMs()).toISOString(), ...choiceOf(call) };
  const asked = {
    ...chosen,
    ...(letters.length > 0 && { letters }),
    ...defined('value', mendedValue(call)),
    ...defined('organization_key', call.text('as')),
    ...{ new_event_ids: call.has('new-ids'), dry_run: isDryRun },
  };
  let sent = 0;
  let held = 0;
  let isWrong = false;
  let cursor: string | null = null;
  do {
    const { data, nextCursor }: Replayed = await askReplay(desk, orgId, {
      ...asked,
      ...defined('cursor', cursor ?? undefined),
    });
    sent += data.sent;
    held += data.held_back;
    isWrong ||= data.letters.some(({ outcome }) => !harmless.has(outcome));
    if (call.has('json')) terminal.printJson(data);
    else for (const letter of data.letters) terminal.print(lineOf(letter));
    cursor = nextCursor;
  } while (cursor !== null);
  if (!call.has('json')) {
    terminal.print(`${sent} ${isDryRun ? 'would be sent' : 'sent'}, ${held} held back`);
    if (isDryRun && sent > 0) terminal.note('nothing is sent yet; say --yes to do it');
  }
  return isWrong ? 1 : 0;
}

function lineOf(letter: {
  topic: string;
  partition: number;
  log_offset: number;
  reason: string | null;
  outcome: string;
  detail: string;
  new_partition: number | null;
  new_log_offset: number | null;
}): string {
  const { reason, outcome, detail, new_partition, new_log_offset } = letter;
  const where = new_log_offset === null ? '' : `, now at partition ${new_partition}, offset ${new_log_offset}`;
  const why = detail === '' ? '' : `: ${detail}`;
  const words = outcome.replaceAll('_', ' ');
  return `${addressOf(letter)} (${reason ?? 'unknown'}) ${words}${outcome === 'sent' ? where : ''}${why}`;
}

/** As it stands in the file, but for the white space around it. */
function mendedValue(call: Call): string | undefined {
  const file = call.text('value');
  if (file === undefined) return undefined;
  try {
    return readTextFile(file).trim();
  } catch (cause) {
    throw usage(`--value: ${fileTrouble(cause, file)}`);
  }
}
