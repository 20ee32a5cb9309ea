/** Seeds that once failed, with what they found. They run with every test, for ever. */
export const keptSeeds: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 241, found: 'the simulated log forgot what two fail-overs in a row still needed' },
  { seed: 249, found: 'a writer of a simulated topic took it over once more by a request that came twice' },
  {
    seed: 414,
    found: 'a commit in flight when its lane was let go sent its output ahead of chunks that had just been dropped',
  },
  {
    seed: 1_000_108,
    found: 'an organization whose first record was late, ahead or no plan was not known, and its timer not set',
  },
  { seed: 1_000_874, found: 'a runner that started while the brokers were away gave up' },
  { seed: 1_000_748, found: 'the world blamed engines for a commit that its dead sender had sent to the topic before' },
  { seed: 599, found: 'a member was asked for a lane after a newer deal had left it the lane, and waited for ever' },
  { seed: 2_002_533, found: 'the same as 599, with three lanes' },
  { seed: 2_003_121, found: 'engines that ended together gave lanes to each other, and nobody was left to deliver' },
  { seed: 2_783, found: 'a claim that came late fenced an idle owner just before it ended, which left its outbox' },
  { seed: 3_336, found: 'the same as 2783, and its owner had not asked for five seconds' },
  { seed: 136, found: 'an organization that its own plan made known went by the default plan until its first timer' },
  {
    seed: 2_070_687,
    found: 'how far back a restore reads the log depended on how it had been batched, up to a poll beyond the window',
  },
  {
    seed: 5_066_018,
    found: 'a commit that another owner had made to the same offset was taken for ours, though its bases were others',
  },
  { seed: 9_400_834, found: 'three bugs of chance met one record, and the world called its refusal wrong' },
  {
    seed: 9_401_452,
    found: 'an engine that stood still between claim and seek gave up over an offset that its lane needed no more',
  },
  { seed: 9_511_010, found: 'types of conversions stood in a day in another order after a restore' },
  { seed: 9_520_887, found: 'a lane halted for ever over one bug of chance at a record that it had refused already' },
  {
    seed: 9_532_315,
    found: 'an alert whose rule was no longer for its campaign ended without the windows that the rule reads',
  },
  {
    seed: 30_002_628,
    found: "values of a rule that had left the flight's scope, in the oracle's last word on its alert",
  },
  { seed: 2_094_836, found: 'a fail-over that lost a trim alone left the chunk in the outbox until the next claim' },
];
