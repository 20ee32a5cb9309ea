import { fillTruth } from '../test/simulator/fill-truth.ts';

/** `npm run truth -- DIR`: folds a simulated log by docs/semantics.md and writes what to expect into its truth.json. */
const [directory] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write('usage: npm run truth -- DIR (of "paceline simulate --out DIR")\n');
  process.exit(64);
}
const { records, tables } = await fillTruth(directory, (done) => process.stderr.write(`${done} records folded\n`));
process.stdout.write(`${JSON.stringify({ records, tables }, null, 2)}\n`);
