import type { CheckResult } from '../../model/finding.ts';

/** Who owns the data directory, and to which stream it belongs. */
export async function checkDataDirectory(
  directory: string,
  /** Null when the log is not kept there. */
  topic: string | null,
): Promise<{ results: readonly CheckResult[]; served: readonly (string | null)[] }> {
  const { inspectDirectory } = await import('../../adapters/log/visits.ts');
  const { engine, isOwnerAlive, generation } = await inspectDirectory(directory, topic);
  const owner: CheckResult = { id: 'data.owner', status: 'ok', detail: 'no engine runs on it', fix: null };
  const streams: CheckResult[] =
    generation === null
      ? []
      : [
          {
            id: 'data.generation',
            status: generation.isKnown ? 'ok' : 'warning',
            detail: generation.detail,
            fix: generation.isKnown ? null : 'See whether the directory is readable and its disk is well.',
          },
        ];
  if (engine === null) return { results: [owner, ...streams], served: [] };
  const who = `pid ${engine.pid} (${engine.command})`;
  if (isOwnerAlive)
    return {
      results: [{ ...owner, detail: `${who} runs on it` }, ...streams],
      served: Object.values(engine.addresses),
    };
  return {
    results: [
      {
        ...owner,
        status: 'warning',
        detail: `${who} was killed`,
        fix: 'Start it again; it goes on from its last commit.',
      },
      ...streams,
    ],
    served: [],
  };
}
