import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PROBLEM_FIX } from '../../../src/credentials/file-findings.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDERS = ['credentials', 'doctor', 'commands/doctor'];

/** Ids as they are given to `finding`, and those made of a kind or a state. */
function idsInSources(): string[] {
  const text = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, 'src', folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(root, 'src', folder, file), 'utf8')),
  ).join('\n');
  const literal = [
    ...text.matchAll(/\b(?:finding|errorFinding|refusal|notListed)\(\s*'([a-z-]+)'/g),
  ];
  const chosen = [
    ...text.matchAll(/(?:id = |finding\()[^;]*? \? '([a-z]+-[a-z-]+)' : '([a-z]+-[a-z-]+)'/g),
  ];
  const failures = [...text.matchAll(/\{ id: '([a-z-]+)', what/g)];
  return [
    ...literal.map(([, id]) => id!),
    ...chosen.flatMap(([, one, other]) => [one!, other!]),
    ...Object.keys(PROBLEM_FIX).map((kind) => `ini-${kind}`),
    ...failures.map(([, id]) => `endpoint-${id!}`),
    'tools-disagree',
  ];
}

describe('docs/doctor.md', () => {
  it('lists exactly the findings that there are', () => {
    const text = readFileSync(join(root, 'docs/doctor.md'), 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('| `'));
    const listed = rows.flatMap((row) =>
      [...row.split('|')[1]!.matchAll(/`([a-z-]+)`/g)].map(([, id]) => id!),
    );
    expect([...new Set(listed)].sort()).toEqual([...new Set(idsInSources())].sort());
  });
});
