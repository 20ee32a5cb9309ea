import {
  procedureOf,
  protoPackage,
  type ServiceName,
  serviceOf,
  watchProcedure,
} from '../../src/serving/connect/services.ts';
import { type OperationName, operationNames, operationOf } from '../../src/serving/operations.ts';
import {
  inputMembers,
  type Member,
  type ObjectShape,
  outputShape,
  type ScalarKind,
  type Shape,
} from '../../src/serving/shapes.ts';
import { type FieldNumbers, numbersFor, reservedLines } from './field-numbers.ts';

interface Printed {
  /** By their paths below schemas/proto/. */
  readonly files: Readonly<Record<string, string>>;
  readonly numbers: FieldNumbers;
}

/** The contracts of the services, printed from the table of operations: a file a service. */
export function printProto(held: FieldNumbers): Printed {
  const numbers: Record<string, Record<string, number>> = structuredClone(held) as never;
  const files = services().map((service) => [`paceline/v1/${fileOf(service)}.proto`, printService(service, numbers)]);
  const errors = printFile([], [message(errorDetail, numbers)]);
  const sorted = Object.entries(numbers).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    files: { ...Object.fromEntries(files), 'paceline/v1/errors.proto': errors },
    numbers: Object.fromEntries(sorted),
  };
}

function services(): ServiceName[] {
  return [...new Set(operationNames.map((name) => serviceOf[name]))];
}

function fileOf(service: ServiceName): string {
  return service
    .replace(/Service$/, '')
    .replace(/(?!^)[A-Z]/g, '_$&')
    .toLowerCase();
}

const member = (name: string, doc: string, isNullable = false, kind: ScalarKind = 'text'): Member => ({
  ...{ name, doc, isNullable, isOptional: false, default: undefined },
  shape: { kind },
});

const errorDetail: Message = {
  name: 'ErrorDetail',
  doc: 'What a refusal says beside its status and message: the detail of every error.',
  members: [
    member('code', 'Code of the error; docs/errors.md tells of each.'),
    member('next', 'What to do about it; unset where nothing is to be done.', true),
    member('request_id', 'The call, as the access log and the audit log name it.'),
  ],
};

const knowledge: readonly Member[] = [
  member('next_cursor', 'Continues the list, as `cursor`; unset at its end, and where there is no list.', true),
  member('data_version', 'Highest row version in the answer; unset where it holds no row of a table.', true, 'version'),
  member(
    'complete_through',
    'Event time up to which all that is shown is complete; unset = not known for all of it.',
    true,
    'instant',
  ),
  member(
    'reach',
    'How far back the answer could look: `hot` = what ClickHouse keeps, `all_times` = also what left it for the lake; unset where no period is asked for.',
    true,
  ),
  member('as_of', 'Log time of the newest thing that the answer knows; unset where nothing has one.', true, 'instant'),
];

interface Message {
  readonly name: string;
  readonly doc: string;
  readonly members: readonly Member[];
}

type Numbers = Record<string, Record<string, number>>;

function printService(service: ServiceName, numbers: Numbers): string {
  const names = operationNames.filter((name) => serviceOf[name] === service);
  const procedures = names.flatMap((name) => [
    procedureLines(name),
    ...(name === watchProcedure.of ? [watchLines()] : []),
  ]);
  const shown = new Map<string, Message>();
  const messages = names.flatMap((name) => messagesOf(name, shown));
  const block = [
    ...comment(
      `${service.replace(/Service$/, '')}: ${names.map((name) => operationOf(name).doc.split(/[:;.](?:\s|$)/)[0]).join('; ')}.`,
      '',
    ),
    `service ${service} {`,
    procedures.map((lines) => lines.join('\n')).join('\n\n'),
    '}',
  ].join('\n');
  return printFile(importsOf([...messages, ...shown.values()]), [
    block,
    ...[...messages, ...shown.values()].map((each) => message(each, numbers)),
  ]);
}

function procedureLines(name: OperationName): string[] {
  const { doc, permission, isWrite } = operationOf(name);
  const rpc = procedureOf(name);
  const head = `  rpc ${rpc}(${rpc}Request) returns (${rpc}Response)`;
  const told = comment(permission === null ? doc : `${doc} Needs \`${permission}\`.`, '  ');
  return isWrite
    ? [...told, `${head};`]
    : [...told, `${head} {`, '    option idempotency_level = NO_SIDE_EFFECTS;', '  }'];
}

function watchLines(): string[] {
  const { name, of } = watchProcedure;
  const { permission } = operationOf(of);
  const doc = `The mark at once, and again with every change, until its caller may no longer see it. Needs \`${permission}\`.`;
  return [
    ...comment(doc, '  '),
    `  rpc ${name}(${name}Request) returns (stream ${name}Response) {`,
    '    option idempotency_level = NO_SIDE_EFFECTS;',
    '  }',
  ];
}

/** Request and response of an operation; what they hold goes to `shown`, once for each name. */
function messagesOf(name: OperationName, shown: Map<string, Message>): Message[] {
  const described = operationOf(name);
  const rpcs = [procedureOf(name), ...(name === watchProcedure.of ? [watchProcedure.name] : [])];
  const organization =
    described.scope === 'organization' ? [member('organization', 'The organization of the call.')] : [];
  const shape = outputShape(name, described);
  const data = shape === null ? [] : [{ ...member('data', 'The answer.'), shape }, ...knowledge];
  for (const each of data) collect(each.shape, shown);
  return rpcs.flatMap((rpc) => [
    { name: `${rpc}Request`, doc: `Asks ${rpc}.`, members: [...organization, ...inputMembers(name, described)] },
    { name: `${rpc}Response`, doc: `Answers ${rpc}.`, members: data },
  ]);
}

function collect(shape: Shape, shown: Map<string, Message>): void {
  if (shape.kind === 'list') collect(shape.of, shown);
  if (shape.kind !== 'object') return;
  const { name, members }: ObjectShape = shape;
  const doc = `${name.replace(/(?!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}, as every door says it.`;
  const held = shown.get(name);
  if (held !== undefined && JSON.stringify(held.members) !== JSON.stringify(members))
    throw new TypeError(`two shapes are called ${name}`);
  shown.set(name, { name, doc, members });
  for (const each of members) collect(each.shape, shown);
}

function message({ name, doc, members }: Message, numbers: Numbers): string {
  const names = members.map((each) => each.name);
  numbers[name] = numbersFor(numbers[name] ?? {}, names);
  const fields = members.map((each) => [
    ...comment(fieldDoc(name, each), '  '),
    `  ${typeOf(each)} ${each.name} = ${numbers[name][each.name]};`,
  ]);
  const body = [...reservedLines(numbers[name], names), ...fields.flat()];
  return [
    ...comment(doc, ''),
    body.length === 0 ? `message ${name} {}` : `message ${name} {\n${body.join('\n')}\n}`,
  ].join('\n');
}

function fieldDoc(owner: string, { name, doc, shape, isNullable, isOptional, default: value }: Member): string {
  const inner = shape.kind === 'list' ? shape.of : shape;
  if (doc === '') throw new TypeError(`${owner}.${name} tells nothing of itself`);
  return [
    doc,
    inner.kind in units && !ofGoal.test(name) ? units[inner.kind as keyof typeof units] : '',
    inner.kind === 'choice' ? `One of ${inner.values.map((each) => `\`${each}\``).join(', ')}.` : '',
    isOptional && value !== undefined && shape.kind !== 'list' ? `The default is ${JSON.stringify(value)}.` : '',
    isNullable && !/\b(null|unset)\b/i.test(doc) ? 'Unset = unknown, or none.' : '',
  ]
    .filter((each) => each !== '')
    .join(' ');
}

/** Money where the flight's goal is money, else millionths of conversions, or a count. */
const ofGoal = /^goal_/;

const units = {
  micros: 'Unit: millionths of the currency.',
  decimal: 'An exact decimal.',
  date: 'A local day, `2026-03-08`.',
  version: 'Spelt `generation:offset`.',
} as const;

const scalarTypes: Readonly<Record<ScalarKind, string>> = {
  ...{ text: 'string', micros: 'int64', decimal: 'string', version: 'string', date: 'string' },
  ...{ instant: 'google.protobuf.Timestamp', integer: 'int32', long: 'int64', number: 'double', boolean: 'bool' },
  json: 'google.protobuf.Value',
};

function typeOf({ name, shape, isNullable, isOptional }: Member): string {
  if (shape.kind === 'list') {
    if (isNullable) throw new TypeError(`${name}: a list is never unknown`);
    return `repeated ${bareType(shape.of)}`;
  }
  const type = bareType(shape);
  // Messages know by themselves whether they are set.
  const isMessage = shape.kind === 'object' || type.startsWith('google.');
  return (isNullable || isOptional) && !isMessage ? `optional ${type}` : type;
}

function bareType(shape: Shape): string {
  if (shape.kind === 'object') return shape.name;
  if (shape.kind === 'choice') return 'string';
  if (shape.kind === 'list') throw new TypeError('a list of lists has no type');
  return scalarTypes[shape.kind];
}

function importsOf(messages: readonly Message[]): string[] {
  const types = messages.flatMap(({ members }) => members.map(typeOf)).join(' ');
  return [
    ...(types.includes('google.protobuf.Value') ? ['google/protobuf/struct.proto'] : []),
    ...(types.includes('google.protobuf.Timestamp') ? ['google/protobuf/timestamp.proto'] : []),
  ];
}

function printFile(imports: readonly string[], blocks: readonly string[]): string {
  const head = [
    '// Printed from src/serving/ by "npm run docs"; do not edit. Numbers of fields stand in numbers.json.',
    'syntax = "proto3";',
    `package ${protoPackage};`,
    ...(imports.length === 0 ? [] : [imports.map((path) => `import "${path}";`).join('\n')]),
  ];
  return `${[...head, ...blocks].join('\n\n')}\n`;
}

const widthMax = 118;

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + 3 + line.length + 1 + word.length > widthMax) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${indent}// ${each}`);
}
