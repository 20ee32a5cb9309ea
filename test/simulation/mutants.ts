/**
 * Protocol mistakes that the simulated world can make in the engine's place. Each shows in the ports as
 * it would if the engine made it; a harness that lets one pass proves nothing.
 */
export const mutants = [
  /** Output leaves although nobody knows whether its commit was applied. */
  'emit_before_commit',
  /** Chunks count as delivered when they are sent, not when the sink has them. */
  'acknowledge_before_delivery',
  /** Reading resumes where the log ends instead of where the state ends. */
  'resume_from_wrong_offset',
  /** A commit does not check on which commit it builds. */
  'no_compare_and_set',
  /** A commit checks the seq that it builds on, not the offset. */
  'compare_seq_alone',
  /** A commit checks the seq alone, not who owns the lane. */
  'no_owner_token',
  /** Undelivered output is not part of the commit. */
  'outbox_in_memory',
  /** The duplicate memory starts empty after a restart. */
  'tail_not_read_back',
] as const;
export type Mutant = (typeof mutants)[number];
