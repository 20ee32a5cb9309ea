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
        '  call: { ...delivery, number: 16, columns: { ivt: validity } },\n',
      ),
      before('src/operators/measure-days.ts', '      case kind.click:\n', '      case kind.call:\n'),
      before('schemas/avro/ids.json', '  "1": "impression.v1"', '  "20": "call.v1",\n'),
      before('scripts/events-doc/examples.ts', '  video_progress: { ...envelope(3)', '  call: { ...envelope(16) },\n'),
      before(
        'scripts/events-doc/examples.ts',
        "  video_progress: 'Counted by quartile.'",
        "  call: 'Counted as a click.',\n",
      ),
      // The oracle is written independently of the engine, so it is told too.
      before(
        'test/oracle/book.ts',
        "    case 'video_progress':\n",
        "    case 'call':\n      return add(rowAt(context, event.eventTime), event.fields.invalid ? 'invalid_clicks' : 'clicks', 1);\n",
      ),
      before('test/oracle/burden.ts', '  video_progress: none,\n', '  call: none,\n'),
      before(
        'test/oracle/check.ts',
        "  video_progress: { ids: 'minutes'",
        "  call: { ids: 'minutes', currency: false },\n",
      ),
      before(
        'test/oracle/decode-json.ts',
        '  video_progress: (raw) =>',
        '  call: (raw) => ({ invalid: isInvalid(raw) }),\n',
      ),
      before('test/simulator/simulate-world.test.ts', '  video_progress: true,\n', '  call: false,\n'),
    ],
    tests: ['test/operators/calls.test.ts'],
  }));
