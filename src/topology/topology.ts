import { assert } from '../model/errors.ts';

/** A named room of the data plane and what it takes its input from. */
export interface TopologyNode {
  readonly name: string;
  readonly role: 'source' | 'operator' | 'sink';
  /** What it does, in a few words: the label of the drawing. */
  readonly does: string;
  readonly from: readonly string[];
}

/** The drawing of a topology: it reads like the code that makes it, and prints itself. */
export class Topology {
  readonly name: string;
  readonly nodes: TopologyNode[] = [];

  constructor(name: string) {
    this.name = name;
  }

  source(name: string, does: string): this {
    return this.#add({ name, role: 'source', does, from: [] });
  }

  operator(name: string, does: string, options: { from: string | readonly string[] }): this {
    return this.#add({ name, role: 'operator', does, from: [options.from].flat() });
  }

  sink(name: string, does: string, options: { from: string | readonly string[] }): this {
    return this.#add({ name, role: 'sink', does, from: [options.from].flat() });
  }

  /** Mermaid, left to right. */
  describe(): string {
    const shapes = { source: ['([', '])'], operator: ['[', ']'], sink: ['[(', ')]'] } as const;
    const lines = [`%% ${this.name}`, 'flowchart LR'];
    for (const { name, role, does } of this.nodes) {
      lines.push(`  ${name}${shapes[role][0]}"${name}<br/>${does}"${shapes[role][1]}`);
    }
    for (const { name, from } of this.nodes) for (const each of from) lines.push(`  ${each} --> ${name}`);
    return `${lines.join('\n')}\n`;
  }

  #add(node: TopologyNode): this {
    assert(!this.nodes.some(({ name }) => name === node.name), `node ${node.name} is named once`);
    for (const from of node.from) {
      assert(
        this.nodes.some(({ name }) => name === from),
        `node ${node.name} follows ${from}`,
      );
    }
    this.nodes.push(node);
    return this;
  }
}
