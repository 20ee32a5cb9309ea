import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import type { Organization } from '../organization.ts';
import { readKeptAlerts, writeKeptAlerts } from './alerts.ts';
import type { Section } from './section.ts';

/** Alerts are written as section `source_alerts` writes them in its version 2. */
const alertsVersion = 2;

/** Alerts about the advertisers of an organization; without rules of their scope there are none. */
export const advertiserAlerts: Section<Organization> = {
  id: 72,
  name: 'advertiser_alerts',
  version: 1,

  write(out: ByteWriter, organization: Organization): void {
    if (organization.advertiserAlerts !== null) writeKeptAlerts(out, organization.advertiserAlerts);
  },

  read(from: ByteReader, _version: number, organization: Organization): void {
    organization.advertiserAlerts ??= new Map();
    readKeptAlerts(from, organization.advertiserAlerts, alertsVersion);
  },
};
