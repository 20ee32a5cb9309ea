import type { AssignmentListener, LaneAssignment } from '../sources/source.ts';

/** These lanes are ours for ever: what the embedded log, a bounded visit and most tests want. */
function fixedAssignment(partitions: readonly number[]): LaneAssignment {
  return {
    async start(listener: AssignmentListener): Promise<void> {
      listener.assigned(partitions);
    },
    async stop(): Promise<void> {},
  };
}

/** All lanes of a stream of that many partitions. */
export function allLanes(partitions: number): LaneAssignment {
  return fixedAssignment(Array.from({ length: partitions }, (_, partition) => partition));
}
