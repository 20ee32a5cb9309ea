import { type Command, jsonFlag } from './command.ts';

export const graphCommand: Command = {
  name: 'graph',
  summary: 'Print the topology as a Mermaid drawing.',
  examples: ['paceline graph', 'paceline graph > topology.mmd'],
  doc: 'Prints the nodes and edges of the running program itself, not of a document about it.',
  flags: { json: jsonFlag },
  async run(call, terminal) {
    const { describeTopology } = await import('../app.ts');
    const drawing = describeTopology();
    if (call.has('json')) terminal.printJson({ mermaid: drawing });
    else terminal.print(drawing);
    return 0;
  },
};
