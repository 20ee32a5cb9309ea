import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from '../../scripts/stack/certificate.ts';
import { openTls } from '../../src/adapters/serving/open-tls.ts';
import { pacingSnapshots } from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf } from '../serving/shop.ts';

// Serves the API over one flight, in clear text and over TLS, and lets clients that are not ours call it: a Python
// program by gRPC, and `buf curl` by gRPC, gRPC-Web and Connect. `call-grpc.ts PYTHON`.
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'paceline-grpc-'));
const [pem, authorities] = [join(scratch, 'server.pem'), join(scratch, 'ca.pem')];
makeCertificate(pem, authorities);

function run(
  program: string,
  args: readonly string[],
  isQuiet = false,
): Promise<{ status: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', isQuiet ? 'ignore' : 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.on('exit', (status) => resolve({ status, out }));
  });
}

async function callBy(isSecure: boolean): Promise<void> {
  const tls = isSecure ? openTls({ cert_file: pem, key_file: pem })! : undefined;
  const shop = await openShop(tls === undefined ? {} : { tls });
  await shop.write(pacingSnapshots, [
    rowOf(pacingSnapshots, {
      ...{ org_id: 'acme', campaign_id: 'c', flight_id: 'f', status: 'behind', version: 1n },
      ...{
        as_of: nowMs - 60_000,
        evaluated_at: nowMs - 30_000,
        budget_micros: 9_007_199_254_740_993n,
        spend_micros: null,
      },
    }),
  ]);
  try {
    const image = path('../../schemas/proto/paceline.binpb');
    const python = await run(process.argv[2], [
      ...[path('call_grpc.py'), `localhost:${shop.server.port}`, image, ...(isSecure ? [authorities] : [])],
    ]);
    if (python.status !== 0) throw new Error('the Python client found something else than it was promised');
    for (const protocol of ['grpc', 'grpcweb', 'connect']) await curl(shop.server.port, { protocol, image, isSecure });
    if (shop.troubles.length > 0) throw shop.troubles[0];
  } finally {
    await shop.close();
  }
}

/** As an integrator does it who has the contracts and nothing else. */
async function curl(
  port: number,
  { protocol, image, isSecure }: { protocol: string; image: string; isSecure: boolean },
): Promise<void> {
  const origin = `${isSecure ? 'https' : 'http'}://localhost:${port}`;
  const way = isSecure ? ['--cacert', authorities] : protocol === 'grpc' ? ['--http2-prior-knowledge'] : [];
  const call = (procedure: string, body: object, headers: readonly string[]) =>
    run(
      'buf',
      [
        ...['curl', '--schema', image, '--protocol', protocol, ...way],
        ...headers.flatMap((header) => ['-H', header]),
        ...['-d', JSON.stringify(body), `${origin}/paceline.v1.${procedure}`],
      ],
      headers.length === 0,
    );
  const asOperator = ['Authorization: Bearer operator'];
  const listed = await call('PacingService/ListFlights', { organization: 'acme', limit: 1 }, asOperator);
  const { data } = JSON.parse(listed.out || '{}') as { data?: { budgetMicros?: string; spendMicros?: string }[] };
  if (listed.status !== 0 || data?.[0].budgetMicros !== '9007199254740993' || data[0].spendMicros !== undefined)
    throw new Error(`buf curl by ${protocol} gets ${listed.status} ${listed.out}`);
  const refused = await call('PacingService/ListFlights', { organization: 'acme' }, []);
  // buf ends with eight times the code of gRPC, of which "unauthenticated" is 16.
  if (refused.status !== 128) throw new Error(`buf curl by ${protocol} is told ${refused.status} without a token`);
}

try {
  for (const isSecure of [false, true]) await callBy(isSecure);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
