import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function codesIn(text: string): string[] {
  return text.match(/\bDA_[A-Z]+(?:_[A-Z]+)*\b/g) ?? [];
}

describe('docs/errors.md', () => {
  it('lists exactly the codes that the sources use', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(root, 'src', file), 'utf8'));
    const used = new Set(sources.flatMap(codesIn));
    const listed = new Set(codesIn(readFileSync(join(root, 'docs/errors.md'), 'utf8')));
    expect([...listed].sort()).toEqual([...used].sort());
  });
});
