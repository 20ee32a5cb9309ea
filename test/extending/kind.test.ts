import { test } from 'vitest';
import { type Edit, proveChange } from './apply.ts';

/** Puts `text` before the line that begins with `line`. */
function before(file: string, line: string, text: string): Edit {
  return { file, find: line, replace: `${text}${line}` };
}

test('an event kind costs two files of src/', () =>
  proveChange({
    section: 'An event kind',
    folder: 'kind',
    srcFilesMax: 4,
    edits: [
      before(
        'src/events/kinds.ts',
        '  video_progress: { ...delivery,',
        '  call: { ...delivery, number: 17, columns: { ivt: validity } },\n',
      ),
      before(
        'src/operators/measure-days.ts',
        '      case kind.click:\n',
        `      case kind.call:
        this.#days[this.#dayAt(slot, batch, row, batch.eventTimes) + callCounter(batch.flags[row])] += 1;
        return;
`,
      ),
      before(
        'src/operators/measure-days.ts',
        'const videoCounters = [',
        `function callCounter(flags: number): number {
  return (flags & flag.invalid) === 0 ? counterAt.clicks : counterAt.invalid_clicks;
}

`,
      ),
      before('schemas/avro/ids.json', '  "1": "impression.v1"', '  "24": "call.v1",\n'),
      before('scripts/events-doc/examples.ts', '  video_progress: { ...envelope(3)', '  call: { ...envelope(17) },\n'),
      before(
        'scripts/events-doc/examples.ts',
        "  video_progress: 'Counted by quartile.'",
        "  call: 'Counted as a click.',\n",
      ),
      // The oracle is written independently of the engine, so it is told too.
      before(
        'test/oracle/book.ts',
        "    case 'video_progress':\n",
        "    case 'call':\n      addAt(context, event.eventTime, event.fields.invalid ? 'invalid_clicks' : 'clicks', 1n);\n      break;\n",
      ),
      before('test/oracle/burden.ts', '  video_progress: none,\n', '  call: none,\n'),
      before('test/oracle/check.ts', '  video_progress: delivery,\n', '  call: delivery,\n'),
      before(
        'test/oracle/decode-json.ts',
        '  video_progress: (raw) =>',
        '  call: (raw) => ({ invalid: isInvalid(raw) }),\n',
      ),
      before('test/simulator/simulate-world.test.ts', '  video_progress: true,\n', '  call: false,\n'),
    ],
    tests: ['test/operators/calls.test.ts'],
  }));
