import { assert } from '../model/errors.ts';

/** A named room of the data plane and what it takes its input from. */
export interface TopologyNode {
  readonly name: string;
  readonly role: 'source' | 'step' | 'operator' | 'sink';
  /** What it does, in a few words: the label of the drawing. */
  readonly does: string;
  readonly from: readonly string[];
  /** Streams that reach it, where it takes some and not all. */
  readonly streams: readonly string[];
  /** Why it does not run under this configuration; null = it runs. */
  readonly whyIdle: string | null;
}

/** What has a place on a map. */
export interface Named {
  readonly name: string;
  readonly does: string;
}

/** A sink as a map shows it. */
interface SinkNode extends Named {
  readonly streams: readonly string[];
  readonly whyIdle: string | null;
}

/**
 * A program as a value: its operators in order, which a lane runs as they stand here, and what the runtime
 * does before and after them. The drawing is printed from this very value.
 */
export class Topology<Operator extends Named> {
  readonly name: string;
  /** In the order in which each segment meets them. */
  readonly operators: readonly Operator[];
  readonly nodes: readonly TopologyNode[];

  private constructor(name: string, operators: readonly Operator[], nodes: readonly TopologyNode[]) {
    assert(new Set(nodes.map((node) => node.name)).size === nodes.length, `every node of ${name} is named once`);
    this.name = name;
    this.operators = operators;
    this.nodes = nodes;
  }

  static of<Operator extends Named>(name: string): Topology<Operator> {
    return new Topology<Operator>(name, [], []);
  }

  source(name: string, does: string): Topology<Operator> {
    return this.#with([{ name, role: 'source', does, from: [], streams: [], whyIdle: null }]);
  }

  /** What the runtime itself does at this place. */
  step(name: string, does: string): Topology<Operator> {
    return this.#with([this.#next('step', { name, does })]);
  }

  /** Runs after all that stand here already. */
  operator(operator: Operator): Topology<Operator> {
    return this.#with([this.#next('operator', operator)], [operator]);
  }

  /** They stand side by side behind the last node. */
  sinks(sinks: readonly SinkNode[]): Topology<Operator> {
    return this.#with(
      sinks.map(({ streams, whyIdle, ...named }) => ({ ...this.#next('sink', named), streams, whyIdle })),
    );
  }

  /** Mermaid, left to right; what stands idle has dotted ways and says why. `log`: where the records lie. */
  describe(log: string): string {
    const shapes = { source: ['([', '])'], step: ['[', ']'], operator: ['[', ']'], sink: ['[(', ')]'] } as const;
    const lines = [`%% ${this.name}, from ${log}`, 'flowchart LR'];
    for (const { name, role, does, whyIdle } of this.nodes) {
      const label = whyIdle === null ? does : `idle: ${whyIdle}`;
      lines.push(`  ${idOf(name)}${shapes[role][0]}"${name}<br/>${label.replaceAll('"', "'")}"${shapes[role][1]}`);
    }
    for (const { name, from, streams, whyIdle } of this.nodes) {
      const way = whyIdle === null ? '-->' : '-.->';
      const label = streams.length === 0 ? '' : `|"${streams.join(', ')}"|`;
      for (const each of from) lines.push(`  ${idOf(each)} ${way}${label} ${idOf(name)}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #next(role: TopologyNode['role'], { name, does }: Named): TopologyNode {
    const last = this.nodes.at(-1);
    assert(last !== undefined, `${name} follows a source`);
    return { name, role, does, from: [last.name], streams: [], whyIdle: null };
  }

  #with(nodes: readonly TopologyNode[], operators: readonly Operator[] = []): Topology<Operator> {
    return new Topology(this.name, [...this.operators, ...operators], [...this.nodes, ...nodes]);
  }
}

/** Mermaid takes no dashes in names. */
function idOf(name: string): string {
  return name.replaceAll('-', '_');
}
