import { Session } from 'node:inspector/promises';

/** Stages in the order of a batch's walk, each with the files whose time it is. */
const stages: readonly (readonly [stage: string, files: RegExp])[] = [
  ['read', /\/src\/sources\//],
  ['decode', /\/src\/decoders\/|readRow/],
  [
    'check',
    /\/src\/operators\/(check-records|duplicate-check|record-\w+|name-currency|follow-zone|segment|look-ahead)\.ts|\/src\/lane\/(event-id-set|rare-ids|names|campaign-index|campaign-weight)\.ts/,
  ],
  [
    'days',
    /\/src\/operators\/(measure-days|day-booker|day-rows|report-booker)\.ts|\/src\/lane\/(day-row|day-codec|old-days|report-feed|campaign-reports|provisional-quarters)\.ts/,
  ],
  [
    'flights',
    /\/src\/operators\/(follow-flights|flight-totals|cell-booker)\.ts|\/src\/lane\/(flight-books|delivery-cells|touched-cells|completeness)\.ts/,
  ],
  ['pace', /\/src\/operators\/pace-flights\.ts|\/src\/pacing\/|\/src\/lane\/timers\.ts/],
  ['rules', /\/src\/operators\/(judge-rules|read-flight)\.ts|\/src\/rules\//],
  ['codec', /\/src\/lane\/|\/src\/runtime\/outbox\.ts/],
  ['commit', /\/src\/state\/|\/src\/runtime\/checkpoint\.ts/],
  ['sinks', /\/src\/sinks\/|\/@clickhouse\/|node:(_?http|net|internal\/streams|internal\/http)/],
  ['runner', /\/src\/(topology|runtime|operators)\//],
  ['control', /\/src\/(control|app|adapters)/],
];

type Profile = Awaited<ReturnType<typeof stopProfiler>>;
type ProfileNode = Profile['nodes'][number];

const intervalMicros = 1_000;

export interface StageShares {
  /** Share of the main thread's working samples by stage; what belongs to none is `other`. */
  readonly stages: Readonly<Record<string, number>>;
  /** The functions with the largest own shares. */
  readonly hottest: readonly { readonly name: string; readonly share: number }[];
}

/** Samples this thread while `work` runs: where it stood, once a millisecond. */
export async function profileStages(work: () => Promise<void>): Promise<StageShares> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: intervalMicros });
  await session.post('Profiler.start');
  await work();
  const profile = await stopProfiler(session);
  session.disconnect();
  return shareOut(profile);
}

async function stopProfiler(session: Session) {
  return (await session.post('Profiler.stop')).profile;
}

function shareOut(profile: Profile): StageShares {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id);
  const stageOf = new Map<number, string>();
  const byStage = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let total = 0;
  for (const id of profile.samples ?? []) {
    const node = nodes.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') continue;
    total += 1;
    let stage = stageOf.get(id);
    if (stage === undefined) {
      stage = findStage(node, nodes, parents);
      stageOf.set(id, stage);
    }
    byStage.set(stage, (byStage.get(stage) ?? 0) + 1);
    const name = functionName(node);
    byFunction.set(name, (byFunction.get(name) ?? 0) + 1);
  }
  const share = (count: number): number => count / Math.max(1, total);
  const order = [...stages.map(([stage]) => stage), 'garbage', 'other'];
  return {
    stages: Object.fromEntries(order.map((stage) => [stage, share(byStage.get(stage) ?? 0)])),
    hottest: [...byFunction]
      .sort(([, a], [, b]) => b - a)
      .slice(0, 40)
      .map(([name, count]) => ({ name, share: share(count) })),
  };
}

/** Shared helpers (dictionaries, sums, codecs) count for the stage that called them. */
function findStage(
  node: ProfileNode,
  nodes: ReadonlyMap<number, ProfileNode>,
  parents: ReadonlyMap<number, number>,
): string {
  for (let at: ProfileNode | undefined = node; at !== undefined; at = nodes.get(parents.get(at.id) ?? -1)) {
    const { functionName: name, url } = at.callFrame;
    if (name === '(garbage collector)') return 'garbage';
    const found = stages.find(([, files]) => files.test(url) || (url === '' && name === 'readRow' && files.test(name)));
    if (found !== undefined) return found[0];
  }
  return 'other';
}

function functionName({ callFrame: { functionName: name, url, lineNumber } }: ProfileNode): string {
  const file = url.slice(url.lastIndexOf('/') + 1);
  return file === '' ? name : `${name || '(anonymous)'} ${file}:${lineNumber + 1}`;
}
