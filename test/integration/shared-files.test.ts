import { expect, it } from 'vitest';
import { parseIni } from '../../src/aws/files/ini-document.ts';
import { torture } from '../chaos/torture.ts';

// The long form is `npm run chaos:files`.
it('survives many writers that are killed, and one that knows no lock', async () => {
  const { text, leftOver, kills, edits } = await torture({ writers: 10, seconds: 4 });
  expect(parseIni(text)).toMatchObject({ problems: [], sections: { length: 12 } });
  expect(leftOver).toEqual(['credentials']);
  expect(Math.min(kills, edits)).toBeGreaterThan(10);
});
