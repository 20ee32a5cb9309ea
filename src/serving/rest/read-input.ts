import { EngineError } from '../../model/errors.ts';
import { readJsonBody, refuseBody } from '../http/body.ts';
import { type HttpCall, HttpRefusal } from '../http/door.ts';
import type { Operation } from '../queries/operation.ts';
import type { Matched } from './match.ts';
import { readMembers } from './query-members.ts';

/** Writes bring their members in a body, and the version that their writer saw in a header. */
export async function readInput(call: HttpCall, { input, isWrite }: Operation, { members }: Matched): Promise<object> {
  const shape = input.shape as Record<string, unknown>;
  const said = readMembers(input, members, call.query);
  const isBare = !isWrite || call.method === 'DELETE';
  if (isBare) refuseBody(call);
  const body = isBare ? {} : await readJsonBody(call.request);
  const twice = Object.keys(body).find((name) => Object.hasOwn(said, name) || name === versionMember);
  if (twice !== undefined) throw new EngineError('REQUEST_INVALID', `${twice.slice(0, 64)}: has no place in the body`);
  const version = isWrite && Object.hasOwn(shape, versionMember) ? { [versionMember]: expectedVersion(call) } : {};
  return { ...body, ...said, ...version };
}

export const versionMember = 'expected_version';

/** What If-Match names; null for `If-None-Match: *`. Without either, an edit could undo somebody else's unseen. */
function expectedVersion({ request: { headers } }: HttpCall): string | null {
  const match = headers['if-match'];
  if (match === undefined && headers['if-none-match'] === '*') return null;
  const version = /^"([^"]{1,64})"$/.exec(match ?? '')?.[1];
  if (version !== undefined) return version;
  throw new HttpRefusal(428, 'say in If-Match which version you saw, in quotes; or If-None-Match: * for what is new');
}
