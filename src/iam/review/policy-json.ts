import { DevaccessError } from '../../platform/errors.ts';

/** IAM's longest policy has some ten thousand characters; this is for files that hold more around it. */
const MAX_CHARACTERS = 262_144;

/** A JSON text, and what JSON.parse does not tell of it. */
export interface PolicyJson {
  value: unknown;
  /** Keys given twice in one object: IAM refuses them, and readers differ in which one counts. */
  duplicates: { key: string; line: number }[];
}

/** @throws DevaccessError DA_POLICY_INVALID */
export function parsePolicyJson(text: string, source: string): PolicyJson {
  if (text.length > MAX_CHARACTERS) {
    throw invalid(`${source} is longer than any policy`, 'give the policy alone');
  }
  const json = text.replace(/^\ufeff/, '');
  try {
    const value: unknown = JSON.parse(json);
    return { value, duplicates: duplicateKeys(json) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const at = /position (\d+)/.exec(error.message)?.[1];
    const where = at === undefined ? '' : ` (line ${lineAt(json, Number(at))})`;
    throw invalid(`${source} is not JSON${where}`, 'give the policy as IAM takes it', error);
  }
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs;

/** Walks valid JSON: a text before a colon is a key of the innermost object. */
function duplicateKeys(json: string): { key: string; line: number }[] {
  const duplicates: { key: string; line: number }[] = [];
  const open: Set<string>[] = [];
  let last: { text: string; at: number } | undefined;
  for (const match of json.matchAll(TOKEN)) {
    const [token] = match;
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':' && last !== undefined) {
      const key = JSON.parse(last.text) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) duplicates.push({ key, line: lineAt(json, last.at) });
      keys?.add(key);
    }
    last = token.startsWith('"') ? { text: token, at: match.index } : undefined;
  }
  return duplicates;
}

function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

function invalid(message: string, next: string, cause?: unknown): DevaccessError {
  return new DevaccessError('DA_POLICY_INVALID', message, { next, cause });
}
