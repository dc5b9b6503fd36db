import { describe, expect, it } from 'vitest';
import { fuzzCampaign } from '../../../test/support/tcp-fuzz/campaign.ts';
import { TCP_STATES } from '../../machines/tcp.ts';

const STATES = TCP_STATES.filter((state) => state !== 'CLOSED' && state !== 'LISTEN');

describe('two ends under random segments, losses, calls and clock jumps', () => {
  it('deliver the right bytes and come to their end whatever a blind attacker and a bad network do', () => {
    const done = fuzzCampaign({ hostile: false, firstSeed: 1, steps: 1_000, segments: 200_000 });
    expect(done.faults).toEqual([]);
    expect([...done.states.keys()]).toEqual(expect.arrayContaining([...STATES, 'HELD']));
  });

  it('keep the rules and come to an end whatever somebody who knows their numbers sends', () => {
    const done = fuzzCampaign({ hostile: true, firstSeed: 1, steps: 1_000, segments: 200_000 });
    expect(done.faults).toEqual([]);
    expect([...done.states.keys()]).toEqual(expect.arrayContaining(STATES));
  });
});
