import { systemClock } from '../control/system-clock.ts';
import { type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { Progress } from './progress.ts';
import { quietLogger } from './quiet-logger.ts';

export const produceCommand: Command = {
  name: 'produce',
  summary: 'Append the records of a file to the log.',
  examples: ['paceline produce events.jsonl --data ./data'],
  doc: 'Each line is {"key": "<org_id>", "value": {…}} with an optional log_time (epoch ms or ISO text; needed on a replayed log) and partition; the value is an event as docs/events.md shows it in JSON. No engine may run on the directory. A line that is no record stops with file:line; the lines before it are in the log. A bad value is the decoder\'s to refuse: it becomes a dead letter.',
  flags: { config: configFlag, data: dataFlag, json: jsonFlag },
  words: { name: 'FILE', doc: 'a file of JSON lines.', min: 1, max: 1 },
  async run(call, terminal) {
    const { config } = loadCallConfig(call);
    const progress = new Progress(terminal, systemClock, 'producing, records');
    const { produceFileInto } = await import('../adapters/produce-file.ts');
    const context = { clock: systemClock, log: quietLogger() };
    const records = await produceFileInto(call.words[0], config, context, (done) => progress.update(done, null));
    progress.end();
    if (call.has('json')) terminal.printJson({ records });
    else terminal.print(`${records} records appended`);
    return 0;
  },
};
