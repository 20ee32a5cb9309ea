type Subject = Readonly<Record<'campaign_id' | 'source' | 'group_id' | 'advertiser', string>>;

/** Whom an alert is about; those of the whole organization name nobody. */
export function subjectOf({ campaign_id, source, group_id, advertiser }: Subject): string {
  if (group_id !== '') return `order ${group_id}`;
  if (advertiser !== '') return `advertiser ${advertiser}`;
  if (campaign_id !== '') return campaign_id;
  return source === '' ? 'all campaigns together' : `source ${source}`;
}
