import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type * as z from 'zod';
import type { Logger } from '../../control/logs/logger.ts';
import { EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import type { Clock } from '../../model/time.ts';
import type { ServingPorts } from '../../serving/ports.ts';
import type { Answer, Operation } from '../../serving/queries/operation.ts';
import { getRecord } from '../../serving/queries/record.ts';
import { countDeadLetters, listDeadLetters } from '../../serving/queries/records.ts';
import { listReplays } from '../../serving/queries/replays/list-replays.ts';
import { replayDeadLetters } from '../../serving/queries/replays/replay-letters.ts';
import { tablesAlone } from '../explain/tables-alone.ts';
import { inputOf, localCaller, localTables } from '../local-calls.ts';
import { logPlaceOf } from '../log/log-place.ts';
import { openEventLog, openTablesForReading } from '../log/visits.ts';
import { openAccess } from '../serving/open-access.ts';
import { SealedCursors } from '../serving/sealed-cursors.ts';
import type { Config } from '../settings.ts';
import { AddressedLog } from './event-log.ts';

const deskOperations = { countDeadLetters, listDeadLetters, getRecord, listReplays, replayDeadLetters };
type DeskOperations = typeof deskOperations;

/** The operations of the doors about records, for the person at this machine: beside a running engine or without one. */
export interface LetterDesk extends AsyncDisposable {
  ask<Name extends keyof DeskOperations>(
    name: Name,
    orgId: string,
    input: z.input<DeskOperations[Name]['input']>,
  ): Promise<Answer<z.output<DeskOperations[Name]['output']>>>;
}

interface DeskContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** Who the audit log names. */
  readonly actor: string;
}

export async function openLetterDesk(config: Config, { clock, log, actor }: DeskContext): Promise<LetterDesk> {
  await using stack = new AsyncDisposableStack();
  // First: it takes the directory, or finds out that somebody else has it.
  const reading = stack.adopt(await openTablesForReading(config, { clock, log }), (opened) => opened.close());
  const tables = stack.use(localTables(config, reading, { clock, log, trouble: 'letters.system_tables_refused' }));
  const access = stack.adopt(openAccess(config, { clock, log, metrics: null }), (opened) => opened.close());
  // Whoever took the directory for its tables has its log, too.
  const isOurs = reading.writer !== null && !logPlaceOf(config).isShared;
  const writer = isOurs
    ? stack.adopt(await openEventLog(config, { logDirectory: join(config.data_directory, 'log') }, clock), (opened) =>
        opened.close(),
      )
    : null;
  const events = stack.use(new AddressedLog(config, { clock, log, writer }));
  const ports: Omit<ServingPorts, 'rules' | 'engine' | 'access'> & {
    access: Pick<ServingPorts['access'], 'accounts'>;
  } = {
    ...{ tables, access, log: events, past: tablesAlone(config, clock) },
    ...{ cursors: new SealedCursors(randomBytes(32)), newId: randomUUID, now: () => clock.wallMs() },
  };
  const opened = stack.move();
  return {
    async ask(name, orgId, input) {
      if (!idPattern.test(orgId)) throw new EngineError('REQUEST_INVALID', `"${orgId}" is no organization`);
      const operation: Operation = deskOperations[name];
      const context = {
        caller: localCaller(orgId, actor, randomUUID()),
        // What these operations ask of them alone.
        ports: ports as ServingPorts,
        tables: tables.of(orgId),
      };
      return (await operation.run(context, inputOf(operation, input))) as never;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
