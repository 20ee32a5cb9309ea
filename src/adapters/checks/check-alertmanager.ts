import { type CheckResult, ok } from '../../model/finding.ts';
import { AlertmanagerClient } from '../../sinks/alertmanager/alertmanager-client.ts';
import { alertmanagerEndpoint } from '../open-sinks.ts';
import type { Config } from '../settings.ts';
import { notReached, worstOf } from './findings.ts';

/** Every Alertmanager answers: one is enough for alerts to get through, yet each that is away is told. */
export async function checkAlertmanager(config: Config): Promise<CheckResult[]> {
  const id = 'alertmanager.reachable';
  const endpoint = alertmanagerEndpoint(config);
  const each = await Promise.all(
    endpoint.urls.map(async (url) => {
      const client = new AlertmanagerClient({ ...endpoint, urls: [url], onTrouble: () => {} });
      try {
        await client.check();
        return ok(id, new URL(url).origin);
      } catch (error) {
        return notReached(id, error);
      } finally {
        client.close();
      }
    }),
  );
  return [worstOf(each)];
}
