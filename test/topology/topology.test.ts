import { expect, test } from 'vitest';
import { drawPrograms } from '../../src/adapters/graph.ts';
import { planSinks } from '../../src/adapters/open-sinks.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { Topology } from '../../src/topology/topology.ts';

function configOf(overrides: Record<string, unknown>) {
  return loadConfig([], { shippedConfigDirectory: '/s', overrides }).config;
}

test('the drawing has the operators of a running lane, in their order, and the sinks that are opened', () => {
  const config = configOf({});
  const [campaigns] = drawPrograms(config);
  const lane = new CampaignLane({ partition: 0, partitions: 1, generation: 1 });
  const drawn = campaigns.nodes.filter(({ role }) => role === 'operator').map(({ name }) => name);
  expect(drawn).toEqual(lane.topology.operators.map(({ name }) => name));
  const sinks = campaigns.nodes.filter(({ role }) => role === 'sink');
  expect(sinks.map(({ name }) => name)).toEqual(planSinks(config).map(({ name }) => name));
});

test('what does not run is drawn idle, with the reason', () => {
  const nodeOf = (overrides: Record<string, unknown>, name: string) =>
    drawPrograms(configOf(overrides))
      .flatMap(({ nodes }) => nodes)
      .find((node) => node.name === name);
  const alertmanager = { urls: ['http://127.0.0.1:9093'] };
  expect(nodeOf({ alertmanager }, 'alertmanager')?.whyIdle).toBeNull();
  expect(nodeOf({}, 'alertmanager')?.whyIdle).toMatch('not configured');
  expect(nodeOf({ alertmanager, log: { mode: 'replayed' } }, 'alertmanager')?.whyIdle).toMatch('replay');
  expect(nodeOf({ bronze: { enabled: false } }, 'table')?.whyIdle).toBe('bronze.enabled is false');
  const [campaigns, bronze] = drawPrograms(configOf({ kafka: { brokers: ['localhost:9092'] } }));
  expect(campaigns.mermaid).toMatch(/^%% campaigns, from topic ads\.events\.v1\nflowchart LR\n/);
  expect(campaigns.mermaid).toContain('commit -.->|"alert_events"| alertmanager');
  expect(bronze.mermaid).toContain('file --> table');
});

test('operators run in the order of the map, and a name stands once', () => {
  const map = Topology.of<{ name: string; does: string }>('toy')
    .source('log', 'records')
    .operator({ name: 'a', does: 'x' });
  expect(map.operator({ name: 'b', does: 'y' }).operators.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(() => map.operator({ name: 'a', does: 'again' })).toThrow('named once');
});
