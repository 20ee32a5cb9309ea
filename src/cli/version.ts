import { type Command, jsonFlag } from './command.ts';
import { product } from './product.ts';

export const versionCommand: Command = {
  name: 'version',
  summary: 'Print the version.',
  examples: ['paceline version', 'paceline version --json'],
  doc: 'Prints the version of paceline and of the Node that runs it.',
  flags: { json: jsonFlag },
  async run(call, terminal) {
    const { node, v8 } = process.versions;
    if (call.has('json'))
      terminal.printJson({ paceline: product.version, node, v8, platform: process.platform, arch: process.arch });
    else terminal.print(`paceline ${product.version} (node ${node}, ${process.platform} ${process.arch})`);
    return 0;
  },
};
