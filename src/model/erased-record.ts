/**
 * What stands in a log where a record of an organization was erased: a tick, which moves the clock of its lane and
 * says nothing. So offsets, clocks and the instants of timers are what they were, and a replay gives every other
 * organization the rows that it had.
 */
export const erasedRecord: Uint8Array = Buffer.from('{"type":"tick"}');
