/** Organization, campaign, flight, source and rule ids (docs/semantics.md, "Names"). */
export const idPattern = /^[A-Za-z0-9_.:-]{1,64}$/;
const idLengthMax = 64;
/** Ticks, and records whose key or time cannot be trusted, belong to this organization. */
export const systemOrg = '_system';
/** The plan of every organization that has none of its own. */
export const defaultPlanOrg = '_default';
/** Plans of this name say whose signatures count (rules/plan-gate.ts). */
export const planKeysOrg = '_keys';

export const eventsTopic = 'ads.events.v1';
export const alertsTopic = 'ads.alerts.v1';
export const deadLettersTopic = 'ads.dead-letters.v1';

/** Whose the records of a key are: its organization's, else nobody's, which is `systemOrg`. */
export function organizationOfKey(key: Uint8Array): string {
  const text = Buffer.from(key).toString('latin1');
  return idPattern.test(text) && !text.startsWith('_') ? text : systemOrg;
}

/** True for bytes of `[A-Za-z0-9_.:-]{1,64}`. */
export function isIdBytes(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < 1 || length > idLengthMax) return false;
  for (let i = start; i < end; i++) if (idByte[bytes[i]] === 0) return false;
  return true;
}

const idByte = Uint8Array.from({ length: 256 }, (_, code) => (idPattern.test(String.fromCharCode(code)) ? 1 : 0));
