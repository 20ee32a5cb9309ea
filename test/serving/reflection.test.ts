import { create, createFileRegistry, type DescService, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readContract } from '../../src/serving/connect/contract.ts';
import { makeReflection } from '../../src/serving/connect/reflection.ts';
import { writeSecrets } from './secrets.ts';
import { openShop, type Shop } from './shop.ts';

// A client that has no files learns the contracts from the server, and calls by them.
let shop: Shop;
const contract = readContract();
const { services } = makeReflection(contract.image);
beforeAll(async () => {
  shop = await openShop();
  await writeSecrets(shop, ['acme']);
});
afterAll(() => shop.close());

// biome-ignore lint/suspicious/noExplicitAny: the contract is read at run time, and every expectation says what it wants.
type Answer = any;

async function ask(service: DescService, ...questions: object[]): Promise<Answer[]> {
  const client: Answer = createClient(service, createGrpcTransport({ baseUrl: shop.server.url }));
  async function* asked() {
    yield* questions.map((each) => ({ messageRequest: each }));
  }
  const answers: Answer[] = [];
  for await (const answer of client.serverReflectionInfo(asked())) answers.push(answer.messageResponse);
  return answers;
}

test.each(services.map((service) => [service.typeName, service] as const))(
  '%s tells every service, and files by which they are called',
  async (_, service) => {
    const [listed] = await ask(service, { case: 'listServices', value: '*' });
    const names: string[] = listed.value.service.map(({ name }: { name: string }) => name);
    expect(names).toEqual([...contract.services, ...services].map(({ typeName }) => typeName).sort());
    const [answer] = await ask(service, {
      case: 'fileContainingSymbol',
      value: 'paceline.v1.PacingService.ListFlights',
    });
    const file = answer.value.fileDescriptorProto.map((bytes: Uint8Array) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    expect(file[0].name).toBe('paceline/v1/pacing.proto');
    // Files come after those that they need.
    const learned = createFileRegistry(create(FileDescriptorSetSchema, { file: file.toReversed() }));
    const client: Answer = createClient(
      learned.getService('paceline.v1.PacingService')!,
      createGrpcTransport({ baseUrl: shop.server.url }),
    );
    const flights = await client.listFlights(
      { organization: 'acme' },
      { headers: { authorization: 'Bearer viewer~acme' } },
    );
    expect(flights.data.length).toBeGreaterThan(0);
  },
);

test('what is none is said so, and one stream answers many', async () => {
  const answers = await ask(
    services[0],
    { case: 'fileContainingSymbol', value: 'paceline.v1.Nothing' },
    { case: 'fileByFilename', value: 'google/protobuf/timestamp.proto' },
    { case: 'fileByFilename', value: '../../etc/passwd' },
    { case: 'allExtensionNumbersOfType', value: 'paceline.v1.Flight' },
    { case: 'fileContainingSymbol', value: services[0].typeName },
  );
  expect(answers.map((each) => each.case)).toEqual([
    ...['errorResponse', 'fileDescriptorResponse', 'errorResponse', 'errorResponse', 'fileDescriptorResponse'],
  ]);
  expect(answers[0].value).toMatchObject({ errorCode: 5 });
});

test('who asks without an end is ended, and nobody else is held up', async () => {
  const many = Array.from({ length: 1_200 }, () => ({ case: 'fileByFilename', value: 'none' }));
  expect(await ask(services[0], ...many)).toHaveLength(1_000);
  expect((await shop.get('/organizations/acme/flights', { token: 'viewer~acme' })).status).toBe(200);
});
