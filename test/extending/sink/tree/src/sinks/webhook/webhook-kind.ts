import * as z from 'zod';
import { notReached, ok } from '../../model/finding.ts';
import { secretText, setting } from '../../model/setting.ts';
import { alertEvents } from '../../rows/tables.ts';
import { sinkKind } from '../sink-kind.ts';
import { WebhookSink } from './webhook-sink.ts';

const reachable = 'webhook.reachable';

export const webhookKind = sinkKind({
  section: z
    .strictObject({
      url: setting(secretText(), {
        doc: 'Address that alert transitions are posted to as JSON. It often holds a key, so it is a secret.',
        reload: 'restart',
        secret: true,
      }),
    })
    .prefault({}),
  does: 'transitions as JSON',
  streams: [alertEvents.name],
  isConfigured: ({ url }) => url !== null,
  whyIdle: ({ mode }) => (mode === 'replayed' ? 'log.mode is replayed: a replay tells nobody of old alerts' : null),
  open: ({ url }) => new WebhookSink(url ?? ''),
  checks: { [reachable]: 'The address of `webhook.url` answers.' },
  check: async ({ url }) => {
    try {
      await new WebhookSink(url ?? '').check();
      return [ok(reachable, 'answers')];
    } catch (error) {
      return [notReached(reachable, error)];
    }
  },
});
