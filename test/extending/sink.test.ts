import { test } from 'vitest';
import { proveChange } from './apply.ts';

const list = 'src/adapters/sinks.ts';

test('a sink costs three files of src/', () =>
  proveChange({
    section: 'A sink',
    folder: 'sink',
    srcFilesMax: 3,
    edits: [
      {
        file: list,
        find: "import type { SinkKind } from '../sinks/sink-kind.ts';\n",
        replace:
          "import type { SinkKind } from '../sinks/sink-kind.ts';\nimport { webhookKind } from '../sinks/webhook/webhook-kind.ts';\n",
      },
      {
        file: list,
        find: '  alertmanager: alertmanagerKind,\n',
        replace: '  alertmanager: alertmanagerKind,\n  webhook: webhookKind,\n',
      },
    ],
    tests: ['test/sinks/webhook/webhook.test.ts'],
  }));
