/**
 * From this share of the server's queue of notifications on, edits are no longer told: a full queue would
 * fail them. As in the trigger `note_edit`.
 */
export const notifyQueueUsageMax = 0.5;
