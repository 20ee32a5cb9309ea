/** Whom an alert is about; those of the whole organization name neither campaign, order nor source. */
export function subjectOf({
  campaign_id,
  source,
  group_id,
}: {
  readonly campaign_id: string;
  readonly source: string;
  readonly group_id: string;
}): string {
  if (group_id !== '') return `order ${group_id}`;
  if (campaign_id !== '') return campaign_id;
  return source === '' ? 'all campaigns together' : `source ${source}`;
}
