import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pacingSnapshots } from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf } from '../serving/shop.ts';

// Serves the API over one flight and lets a Python client call it by gRPC: `call-grpc.ts PYTHON`.
const shop = await openShop();
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
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const args = [path('call_grpc.py'), `127.0.0.1:${shop.server.port}`, path('../../schemas/proto/paceline.binpb')];
const child = spawn(process.argv[2], args, { stdio: 'inherit' });
const status = await new Promise<number | null>((resolve) => child.on('exit', resolve));
await shop.close();
process.exitCode = status === 0 && shop.troubles.length === 0 ? 0 : 1;
