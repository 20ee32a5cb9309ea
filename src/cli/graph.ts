import { type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';

export const graphCommand: Command = {
  name: 'graph',
  summary: 'Print the programs of this configuration as Mermaid drawings.',
  examples: [
    'paceline graph',
    'paceline graph --config config/production.yaml > programs.mmd',
    'paceline graph --json',
  ],
  doc: 'Prints the programs that an engine of this configuration runs: campaigns and bronze, each from the very value that a lane runs, with the sinks that the configuration opens and, dotted, those that stand idle, with the reason. Opens nothing.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  async run(call, terminal) {
    const { drawPrograms } = await import('../adapters/graph.ts');
    const programs = drawPrograms(loadCallConfig(call).config);
    if (call.has('json')) terminal.printJson({ programs });
    else terminal.print(programs.map(({ mermaid }) => mermaid).join('\n'));
    return 0;
  },
};
