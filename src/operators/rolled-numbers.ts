import type { Campaign, Flight } from '../lane/campaign.ts';
import { giversOf } from './roll-over.ts';

const nothingRolled = {
  goal_rolled_in: 0,
  goal_rolled_out: 0,
  limit_rolled_in: 0,
  limit_rolled_out: 0,
  rolled_from: '',
  rolled_to: '',
} as const;

/** What came to a flight and went from it, as its snapshot says. */
export function rolledNumbers(campaign: Campaign, flight: Flight) {
  if (flight.rollover === null) return nothingRolled;
  const { rolled } = flight.rollover;
  const givers = giversOf(campaign, flight);
  return {
    goal_rolled_in: rolled.in.goal,
    goal_rolled_out: rolled.out.goal,
    limit_rolled_in: rolled.in.limit,
    limit_rolled_out: rolled.out.limit,
    rolled_from: givers.map(({ id, rollover }) => `${id}=${rollover?.rolled.out.goal}`).join(),
    rolled_to: rolled.to ?? '',
  };
}
