import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { removeFromSection, setInSection } from '../../src/nodes/agent/json-edit.ts';

type Document = Record<string, unknown>;

/** Sections as the agent has them, and what else a file may hold. */
const documents = fc.dictionary(
  fc.oneof(fc.constantFrom('Profile', 'Mds', 'Identity'), fc.string()),
  fc.oneof(
    fc.dictionary(
      fc.oneof(fc.constantFrom('ShareCreds', 'Share"Profile'), fc.string()),
      fc.jsonValue(),
    ),
    fc.jsonValue(),
  ),
);
const layouts = fc.constantFrom(undefined, 1, 2, 4, '\t');
const keys = fc.constantFrom('ShareCreds', 'KeyAutoRotateDays');

/** No two keys that the agent takes for one: what they stand for is up to their order. */
function isPlain(document: Document): boolean {
  const names = Object.entries(document).flatMap(([name, value]) => [
    [name],
    typeof value === 'object' && value !== null ? Object.keys(value) : [],
  ]);
  const section = document['Profile'];
  const isObject = section === undefined || (typeof section === 'object' && section !== null);
  return (
    isObject &&
    !Array.isArray(section) &&
    !names.flat().includes('__proto__') &&
    Object.keys(document).filter((name) => /^profile$/i.test(name)).length < 2 &&
    Object.keys(section ?? {}).filter((name) => /^(sharecreds|keyautorotatedays)$/i.test(name))
      .length < 2
  );
}

describe("an edit of the agent's configuration", () => {
  it('sets one key and leaves all others, and their order', () => {
    fc.assert(
      fc.property(
        documents.filter(isPlain),
        layouts,
        keys,
        fc.boolean(),
        (document, layout, key, value) => {
          const text = JSON.stringify(document, null, layout);
          const edited = setInSection(text, 'Profile', key, JSON.stringify(value));
          const section = { ...(document['Profile'] as Document | undefined), [key]: value };
          const expected = { ...document, Profile: section };
          expect(JSON.stringify(JSON.parse(edited))).toBe(JSON.stringify(expected));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes back what it added, byte for byte, where the section was there', () => {
    fc.assert(
      fc.property(documents.filter(isPlain), layouts, keys, (document, layout, key) => {
        const profile = { Other: 1, ...(document['Profile'] as Document | undefined) };
        fc.pre(!Object.keys(profile).some((name) => name.toLowerCase() === key.toLowerCase()));
        const text = JSON.stringify({ ...document, Profile: profile }, null, layout);
        const edited = setInSection(text, 'Profile', key, 'true');
        expect(removeFromSection(edited, 'Profile', key)).toBe(text);
      }),
      { numRuns: 200 },
    );
  });
});
