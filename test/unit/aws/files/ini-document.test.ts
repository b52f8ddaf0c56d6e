import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { iniText, parseIni, sectionValues } from '../../../../src/aws/files/ini-document.ts';
import { profileSettings } from '../../../../src/credentials/profiles.ts';

type Reading = Record<string, unknown>;
interface Vector {
  case: string;
  input: string;
  botocore: Reading;
  jsv3: Reading;
}

const vectors = JSON.parse(
  readFileSync(
    new URL('../../../vectors/aws-files/ini-differential.json', import.meta.url),
    'utf8',
  ),
) as { credentials_file: Vector[]; config_file: Vector[] };

/** Every section with its values, as plain objects. */
function reading(text: string): Reading {
  const document = parseIni(text);
  return Object.fromEntries(
    document.sections.map(({ name }) => [
      name,
      Object.fromEntries(sectionValues(document, name) ?? []),
    ]),
  );
}

const problems = (text: string): string[] =>
  parseIni(text).problems.map(({ kind, line }) => `${kind}@${line}`);

describe('reading a credentials file', () => {
  const readable = vectors.credentials_file.filter(({ botocore }) => !('__error__' in botocore));
  const refused = vectors.credentials_file.filter(({ botocore }) => '__error__' in botocore);

  it.each(readable.filter((vector) => vector.case !== 'DEFAULT section'))(
    'sees what botocore sees: $case',
    ({ input, botocore }) => {
      expect(reading(input)).toEqual(botocore);
      expect(parseIni(input).problems.filter(({ isFatal }) => isFatal)).toEqual([]);
    },
  );

  it.each(refused)('calls fatal what botocore refuses: $case', ({ input }) => {
    expect(parseIni(input).problems.some(({ isFatal }) => isFatal)).toBe(true);
  });

  it.each(readable)('warns or agrees where JavaScript reads otherwise: $case', (vector) => {
    const isSilent = problems(vector.input).length === 0;
    // Empty values and sections are invisible to JavaScript, and names with blanks or prefixes.
    const known = /empty|nested blank|section w\/ space|profile prefix/.test(vector.case);
    if (isSilent && !known) expect(vector.jsv3).toEqual(vector.botocore);
  });

  it.each([
    ['\ufeff[p]\na=1\n', ['bom@1']],
    ['a=1\n[p]\n', ['no-section@1']],
    ['[p]\n[q]\nno delimiter here\n', ['no-delimiter@3']],
    ['[p]\n= 1\n', ['no-delimiter@2']],
    ['[p]\na=1\nA = 2\n', ['duplicate-key@3', 'uppercase-key@3']],
    ['[p]\n[q]\n[p]\n', ['duplicate-section@3']],
    ['[p] x\n', ['bad-header@1']],
    ['[p] # see [1]\n', ['bad-header@1']],
    ['[]\n', ['bad-header@1']],
    ['[p\na=1\n', ['bad-header@1']],
    ['[p]\na=1\n  [q]\nb=1\n', ['hidden-header@3']],
    ['[p]\na=1\rb=2\n', ['lone-cr@2']],
    ['[p]\na: 1\n', ['colon@2']],
    ['[p]\na=1 ; c\n', ['inline-comment@2']],
    ['[p]\na=1\n b=2\n', ['continuation@3']],
    ['[DEFAULT]\na=1\n', ['default-section@1']],
    ['[p]\ns3 =\n  a = 1\n  b = 2\nx=1\n', []],
    ['  [p]\n  a=1\n  b=2\n', []],
    ['[p]\r\na=1\r\n', []],
  ])('reports %j by line', (input, expected) => {
    expect(problems(input)).toEqual(expected);
  });

  it('keeps every line, and a section named __proto__ an ordinary one', () => {
    const text = '\ufeff# c\r\n[__proto__]\n a = 1 \n\n;x\n[b';
    expect(iniText(parseIni(text))).toBe(text);
    expect(sectionValues(parseIni(text), '__proto__')?.get('a')).toBe('1');
  });
});

describe('reading a config file', () => {
  const profiles = vectors.config_file.filter(({ botocore }) => 'profiles' in botocore);

  it.each(profiles)('finds the profiles botocore finds: $case', ({ input, botocore }) => {
    const files = { credentials: parseIni(''), config: parseIni(input) };
    for (const [name, settings] of Object.entries(botocore.profiles as Reading)) {
      expect(Object.fromEntries(profileSettings(files, name) ?? [])).toEqual(settings);
    }
  });

  it.each(['plain', 'unprefixed', 'inner space bracket', 'unquoted space'])(
    'takes no other section for a profile: %s',
    (name) => {
      const { input } = vectors.config_file.find((vector) => vector.case === name)!;
      const files = { credentials: parseIni(''), config: parseIni(input) };
      expect(profileSettings(files, 'a') !== undefined).toBe(name === 'plain');
    },
  );

  it('merges key by key, the credentials file first', () => {
    const files = {
      credentials: parseIni('[p]\nregion = eu-west-1\n'),
      config: parseIni('[profile p]\nregion = us-east-1\noutput = json\n'),
    };
    expect(profileSettings(files, 'p')).toEqual(
      new Map([
        ['region', 'eu-west-1'],
        ['output', 'json'],
      ]),
    );
  });

  it('reads a hundred thousand sections and keys at once', { timeout: 30_000 }, () => {
    const count = 100_000;
    const lines = (line: (index: number) => string): string =>
      Array.from({ length: count }, (_, index) => line(index)).join('\n');
    const text = `${lines((index) => `[p${index}]`)}\n${lines((index) => `k${index} = x`)}\n`;
    const { sections, problems } = parseIni(text);
    expect([sections.length, sections.at(-1)!.properties.length]).toEqual([count, count]);
    expect(problems).toEqual([]);
  });
});
