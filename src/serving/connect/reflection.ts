import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescService,
  fromJson,
  type JsonObject,
  type Message,
  type Registry,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { assert } from '../../model/errors.ts';
import { reflectionPackages } from './connect-paths.ts';

/** gRPC's server reflection, by which grpcurl and its like learn our contracts from the server itself. */
interface Reflection {
  /** Of each of its versions; older clients ask for the first. */
  readonly services: readonly DescService[];
  /** One answer for each question of a stream. */
  answers(service: DescService, questions: AsyncIterable<Message>): AsyncGenerator<Message>;
}

/** A client that learns everything asks for some dozens. */
const questionsMax = 1_000;
/** Nobody needs to be known for it, so its streams are few, and not those of live boards. */
const streamsMax = 64;

export function makeReflection(image: FileDescriptorSet): Reflection {
  const own = reflectionPackages.map(reflectionFile);
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: own }));
  const services = reflectionPackages.map((name) => {
    const service = registry.getService(`${name}.ServerReflection`);
    assert(service !== undefined, 'reflection describes itself');
    return service;
  });
  const known = new KnownFiles([...image.file, ...own]);
  let open = 0;
  return {
    services,
    async *answers(service, questions) {
      if (open >= streamsMax) throw new ConnectError('too many ask for the contracts', Code.ResourceExhausted);
      open += 1;
      try {
        const { input, output } = service.methods[0];
        let asked = 0;
        for await (const question of questions) {
          asked += 1;
          if (asked > questionsMax) return;
          yield answer(known, question, { input, output, registry });
        }
      } finally {
        open -= 1;
      }
    },
  };
}

interface Types {
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly registry: Registry;
}

function answer(known: KnownFiles, question: Message, { input, output, registry }: Types): Message {
  const said = toJson(input, question, { registry }) as JsonObject;
  const { host = '' } = said;
  return fromJson(output, { validHost: host, originalRequest: said, ...found(known, said) }, { registry });
}

function found(known: KnownFiles, said: JsonObject): JsonObject {
  if ('listServices' in said) return { listServicesResponse: { service: known.services.map((name) => ({ name })) } };
  const file =
    'fileByFilename' in said
      ? known.named(String(said.fileByFilename))
      : known.holding(String(said.fileContainingSymbol ?? ''));
  if (file === null) return refusal('no file of ours is or holds it');
  return { fileDescriptorResponse: { fileDescriptorProto: known.withImports(file) } };
}

function refusal(errorMessage: string): JsonObject {
  return { errorResponse: { errorCode: Code.NotFound, errorMessage } };
}

/** Files of contracts by what clients ask for. */
class KnownFiles {
  readonly services: readonly string[];
  readonly #byName: ReadonlyMap<string, FileDescriptorProto>;
  readonly #bySymbol = new Map<string, FileDescriptorProto>();

  constructor(files: readonly FileDescriptorProto[]) {
    this.#byName = new Map(files.map((file) => [file.name, file]));
    for (const file of files) for (const symbol of symbolsOf(file)) this.#bySymbol.set(symbol, file);
    this.services = files.flatMap((file) => file.service.map(({ name }) => `${file.package}.${name}`)).sort();
  }

  named(name: string): FileDescriptorProto | null {
    return this.#byName.get(name) ?? null;
  }

  holding(symbol: string): FileDescriptorProto | null {
    return this.#bySymbol.get(symbol) ?? null;
  }

  /** The file first, then all that it needs, each once; as base64. */
  withImports(file: FileDescriptorProto): string[] {
    const reached = new Set([file]);
    for (const each of reached)
      for (const name of each.dependency) {
        const needed = this.#byName.get(name);
        if (needed !== undefined) reached.add(needed);
      }
    return [...reached].map((each) => Buffer.from(toBinary(FileDescriptorProtoSchema, each)).toString('base64'));
  }
}

function symbolsOf(file: FileDescriptorProto): string[] {
  const inFile = (name: string) => (file.package === '' ? name : `${file.package}.${name}`);
  return [
    ...file.messageType.map(({ name }) => inFile(name)),
    ...file.enumType.map(({ name }) => inFile(name)),
    ...file.service.flatMap(({ name, method }) => [
      inFile(name),
      ...method.map((each) => `${inFile(name)}.${each.name}`),
    ]),
  ];
}

type FieldType = 'string' | 'bytes' | 'int32' | { readonly message: string };

const wireTypes = {
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
  int32: FieldDescriptorProto_Type.INT32,
} as const;

/** The protocol's own messages, as its specification numbers them. */
function reflectionFile(packageName: string): FileDescriptorProto {
  const field = (name: string, number: number, type: FieldType, more: { repeated?: true; oneof?: true } = {}) => ({
    ...{ name, number, jsonName: name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) },
    type: typeof type === 'string' ? wireTypes[type] : FieldDescriptorProto_Type.MESSAGE,
    ...(typeof type === 'string' ? {} : { typeName: `.${packageName}.${type.message}` }),
    label: more.repeated ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    ...(more.oneof && { oneofIndex: 0 }),
  });
  const choice = { oneof: true } as const;
  const many = { repeated: true } as const;
  return create(FileDescriptorProtoSchema, {
    name: `${packageName.replaceAll('.', '/')}/reflection.proto`,
    ...{ package: packageName, syntax: 'proto3' },
    messageType: [
      {
        name: 'ServerReflectionRequest',
        oneofDecl: [{ name: 'message_request' }],
        field: [
          field('host', 1, 'string'),
          field('file_by_filename', 3, 'string', choice),
          field('file_containing_symbol', 4, 'string', choice),
          field('file_containing_extension', 5, { message: 'ExtensionRequest' }, choice),
          field('all_extension_numbers_of_type', 6, 'string', choice),
          field('list_services', 7, 'string', choice),
        ],
      },
      {
        name: 'ExtensionRequest',
        field: [field('containing_type', 1, 'string'), field('extension_number', 2, 'int32')],
      },
      {
        name: 'ServerReflectionResponse',
        oneofDecl: [{ name: 'message_response' }],
        field: [
          field('valid_host', 1, 'string'),
          field('original_request', 2, { message: 'ServerReflectionRequest' }),
          field('file_descriptor_response', 4, { message: 'FileDescriptorResponse' }, choice),
          field('all_extension_numbers_response', 5, { message: 'ExtensionNumberResponse' }, choice),
          field('list_services_response', 6, { message: 'ListServiceResponse' }, choice),
          field('error_response', 7, { message: 'ErrorResponse' }, choice),
        ],
      },
      { name: 'FileDescriptorResponse', field: [field('file_descriptor_proto', 1, 'bytes', many)] },
      {
        name: 'ExtensionNumberResponse',
        field: [field('base_type_name', 1, 'string'), field('extension_number', 2, 'int32', many)],
      },
      { name: 'ListServiceResponse', field: [field('service', 1, { message: 'ServiceResponse' }, many)] },
      { name: 'ServiceResponse', field: [field('name', 1, 'string')] },
      { name: 'ErrorResponse', field: [field('error_code', 1, 'int32'), field('error_message', 2, 'string')] },
    ],
    service: [
      {
        name: 'ServerReflection',
        method: [
          {
            name: 'ServerReflectionInfo',
            inputType: `.${packageName}.ServerReflectionRequest`,
            outputType: `.${packageName}.ServerReflectionResponse`,
            ...{ clientStreaming: true, serverStreaming: true },
          },
        ],
      },
    ],
  });
}
