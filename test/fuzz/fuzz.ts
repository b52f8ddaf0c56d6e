/**
 * The long-running fuzz job, `npm run fuzz [cases] [seed]`: damaged messages, hostile peers and
 * broken smux streams, a million cases of each by default. Says the seed of a case that fails.
 */
import { channelCase, decoderCase, dice, smuxCase } from './cases.ts';
import { seededRandom } from '../unit/session/protocol/channel/simulated-network.ts';

const total = Number(process.argv[2] ?? 1_000_000);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);

for (const [name, run] of Object.entries({ decoderCase, channelCase, smuxCase })) {
  const startMs = performance.now();
  let rssMib = 0;
  for (let count = 0; count < total; count += 1) {
    const seed = firstSeed + count;
    try {
      run(dice(seededRandom(seed)));
    } catch (error) {
      process.stderr.write(`${name} failed; repeat with: npm run fuzz 1 ${seed}\n`);
      throw error;
    }
    if (count % 10_000 === 0) rssMib = Math.max(rssMib, process.memoryUsage.rss() / 1024 / 1024);
  }
  const seconds = (performance.now() - startMs) / 1000;
  process.stdout.write(
    `${name}: ${total} cases clean in ${seconds.toFixed(1)} s, seeds from ${firstSeed}, peak RSS ${rssMib.toFixed(0)} MiB\n`,
  );
}
