import { readFileSync } from 'node:fs';
import { type QueryAnswer, rowsOf } from '../control/query-client.ts';
import { systemClock } from '../control/system-clock.ts';
import { type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { quietLogger } from './quiet-logger.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

export const sqlCommand: Command = {
  name: 'sql',
  summary: 'Ask the tables one SELECT.',
  examples: [
    'paceline sql "SELECT status, count() FROM pacing_snapshots FINAL GROUP BY status" --data ./data',
    'paceline sql "SELECT * FROM alert_events FINAL WHERE to_state = \'firing\' FORMAT Vertical" --data ./data',
    'paceline sql "SHOW TABLES" --data ./data --json',
  ],
  doc: 'Goes through the engine that runs on the data directory; when none runs, it opens the directory itself for the length of the query. Prints a table, or one JSON object per row with --json; a FORMAT clause of your own is passed through. "-" reads the query from stdin. docs/semantics.md says what every column means; FINAL shows each row once.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  words: { name: 'QUERY', doc: 'one query, in quotes.', min: 1, max: 1 },
  async run(call, terminal) {
    const { config } = loadCallConfig(call);
    const query = call.words[0] === '-' ? readFileSync(0, 'utf8') : call.words[0];
    const { openQueries } = await import('../app.ts');
    await using queries = await openQueries(config, quietLogger(), systemClock);
    printAnswer(await queries.ask(query), terminal, call.has('json'));
    return 0;
  },
};

function printAnswer(answer: QueryAnswer, terminal: Terminal, asJson: boolean): void {
  if (answer.kind === 'text')
    terminal.write(answer.text.endsWith('\n') || answer.text === '' ? answer.text : `${answer.text}\n`);
  else if (asJson) for (const row of rowsOf(answer)) terminal.printJson(row);
  else {
    for (const line of textTable(answer.columns, answer.rows)) terminal.print(line);
    terminal.note(`${answer.rows.length} ${answer.rows.length === 1 ? 'row' : 'rows'}`);
  }
}
