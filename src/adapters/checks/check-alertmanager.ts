import { type CheckResult, ok } from '../../control/check-result.ts';
import type { Config } from '../../control/config/settings.ts';
import { AlertmanagerClient } from '../../sinks/alertmanager/alertmanager-client.ts';
import { notReached, worstOf } from './findings.ts';

/** Every Alertmanager answers: one is enough for alerts to get through, yet each that is away is told. */
export async function checkAlertmanager({ alertmanager }: Config): Promise<CheckResult[]> {
  const { username, password } = alertmanager;
  const id = 'alertmanager.reachable';
  const each = await Promise.all(
    alertmanager.urls.map(async (url) => {
      const client = new AlertmanagerClient({ urls: [url], username, password, onTrouble: () => {} });
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
