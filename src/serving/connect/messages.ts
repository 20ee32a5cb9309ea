import {
  create,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';
import { EngineError } from '../../model/errors.ts';
import type { OperationName } from '../operations.ts';
import { operationOf } from '../operations.ts';
import type { Envelope } from '../service.ts';
import { inputMembers, inputOf, type Member } from '../shapes.ts';

interface Asked {
  readonly orgId: string | null;
  readonly input: Record<string, unknown>;
}

/** What a request asks, as its operation's input has it: names as in every door, numbers as JSON has them. */
export function askedBy(name: OperationName, schema: DescMessage, message: Message, registry: Registry): Asked {
  const said = toJson(schema, message, { registry, useProtoFieldName: true, alwaysEmitImplicit: true }) as Record<
    string,
    JsonValue
  >;
  const described = operationOf(name);
  const members = inputMembers(name, described);
  const byName = new Map(members.map((member) => [member.name, member]));
  const input = inputOf(members, (member) => saidValue(byName.get(member)!, said[member]));
  return { orgId: described.scope === 'organization' ? String(said.organization ?? '') : null, input };
}

/** A list that nothing was put into was not said, and JSON of protobuf has 64 bits as text. */
function saidValue({ name, shape, isOptional }: Member, value: JsonValue | undefined): unknown {
  if (Array.isArray(value) && value.length === 0 && isOptional) return undefined;
  if (shape.kind !== 'long' || value === undefined || value === null) return value;
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new EngineError('REQUEST_INVALID', `${name}: is beyond 53 bits`);
}

/** An answer as its message. Equal names mean equal things, so that JSON is the way between. */
export function answerMessage(schema: DescMessage, bytes: Uint8Array, registry: Registry): Message {
  const envelope = JSON.parse(Buffer.from(bytes).toString('utf8')) as Envelope;
  if (envelope.data === null) return create(schema);
  return fromJson(schema, envelope as unknown as JsonValue, { registry });
}
