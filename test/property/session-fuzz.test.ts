import fc from 'fast-check';
import { describe, it } from 'vitest';
import { channelCase, decoderCase, dice, smuxCase } from '../fuzz/cases.ts';
import { seededRandom } from '../unit/session/protocol/channel/simulated-network.ts';

describe('whatever a peer sends', () => {
  it.each([
    ['the message decoder', decoderCase],
    ['the client channel', channelCase],
    ['the smux decoder', smuxCase],
  ])('%s neither throws nor grows', (_name, run) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => run(dice(seededRandom(seed)))),
      { numRuns: 3000 },
    );
  });
});
