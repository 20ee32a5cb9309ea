import { systemClock } from '../control/system-clock.ts';
import { type Command, configFlag, dataFlag, jsonFlag } from './command.ts';
import { loadCallConfig } from './load-call-config.ts';
import { Progress } from './progress.ts';
import { quietLogger } from './quiet-logger.ts';
import { listenForStop } from './signals.ts';
import { tellTorn } from './tell-torn.ts';

export const produceCommand: Command = {
  name: 'produce',
  summary: 'Append the records of a file, or of a recorded log, to the log.',
  examples: [
    'paceline produce events.jsonl --data ./data',
    'paceline produce ./sim --config config/production.yaml --rate 20000',
  ],
  doc: 'SOURCE is a file of JSON lines or a data directory with a log, as "paceline simulate" writes it. Records go to the topic log.topic where kafka.brokers names brokers, else to the log of the data directory: through the engine that runs on it, else the command opens the log itself. Each line of a file is {"key": "<org_id>", "value": {…}} with an optional log_time (epoch ms or ISO text; needed on a replayed log) and partition; the value is an event as docs/events.md shows it in JSON. A line that is no record stops with file:line; the lines before it are in the log. A bad value is the decoder\'s to refuse: it becomes a dead letter. Records of a directory keep their partitions and, on a replayed log, their log times; a live one stamps them anew, and so does a running engine with all that it is sent.',
  flags: {
    config: configFlag,
    data: dataFlag,
    topic: {
      type: 'text',
      value: 'NAME',
      doc: 'Topic of the log in the directory.',
      default: 'log.topic of the configuration',
    },
    rate: {
      type: 'integer',
      value: 'N',
      doc: 'Records a second, for a directory. Without it as fast as it goes.',
      min: 1,
      max: 10_000_000,
    },
    json: jsonFlag,
  },
  words: { name: 'SOURCE', doc: 'a file of JSON lines, or a data directory.', min: 1, max: 1 },
  async run(call, terminal) {
    const { config } = loadCallConfig(call);
    const progress = new Progress(terminal, systemClock, 'producing, records');
    const { produceInto } = await import('../adapters/log/produce-file.ts');
    const context = { clock: systemClock, log: quietLogger() };
    const rate = call.number('rate');
    const topic = call.text('topic');
    using stop = listenForStop(terminal);
    using _ = tellTorn(terminal);
    const records = await produceInto(call.words[0], config, context, {
      ...(rate === undefined ? {} : { rate }),
      ...(topic === undefined ? {} : { topic }),
      signal: stop.signal,
      onProgress: (done, total) => progress.update(done, total),
    });
    progress.end();
    if (call.has('json')) terminal.printJson({ records });
    else terminal.print(`${records} records appended`);
    return 0;
  },
};
