/** A member of the group and the partitions that it says it owns. */
interface GroupClaim {
  readonly memberId: string;
  readonly owned: readonly number[];
}

/**
 * Shares partitions evenly (sizes differ by one at most) and leaves each where it is as far as that
 * allows: what moves must be restored elsewhere. Where two claim one partition, the first by name keeps it.
 */
export function assignPartitions(claims: readonly GroupClaim[], partitions: number): ReadonlyMap<string, number[]> {
  const members = [...claims].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const byOwned = [...members].sort((a, b) => b.owned.length - a.owned.length);
  const small = Math.floor(partitions / members.length);
  // Those who own most get the larger shares, so that fewer lanes move.
  const larger = new Set(byOwned.slice(0, partitions % members.length).map(({ memberId }) => memberId));
  const shares = new Map<string, number[]>(members.map(({ memberId }) => [memberId, []]));
  const roomOf = (memberId: string) => small + (larger.has(memberId) ? 1 : 0) - shares.get(memberId)!.length;
  const taken = new Set<number>();
  for (const { memberId, owned } of members) {
    for (const partition of [...owned].sort((a, b) => a - b)) {
      if (partition < 0 || partition >= partitions || taken.has(partition) || roomOf(memberId) <= 0) continue;
      shares.get(memberId)!.push(partition);
      taken.add(partition);
    }
  }
  for (let partition = 0; partition < partitions; partition++) {
    if (taken.has(partition)) continue;
    const [next] = [...members].sort((a, b) => roomOf(b.memberId) - roomOf(a.memberId));
    shares.get(next.memberId)!.push(partition);
  }
  for (const share of shares.values()) share.sort((a, b) => a - b);
  return shares;
}
