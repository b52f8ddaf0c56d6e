import { ANY, ONE, wildcardPattern } from '../wildcard.ts';
import type { Pattern } from '../wildcard.ts';
import type { RequestContext } from './request-context.ts';

type Part =
  | { readonly kind: 'text'; readonly text: string }
  /** `${*}`, `${?}`, `${$}`: the character itself. */
  | { readonly kind: 'escaped'; readonly text: string }
  | { readonly kind: 'variable'; readonly key: string; readonly fallback: string | undefined };

/**
 * A text of a policy that may hold variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`.
 * Only policies of version 2012-10-17 have variables; in older ones `${…}` is plain text.
 */
export class PolicyTemplate {
  readonly #parts: readonly Part[];

  constructor(text: string, hasVariables: boolean) {
    this.#parts = hasVariables ? parse(text) : [{ kind: 'text', text }];
  }

  /** Keys of the variables without a default. */
  get requiredKeys(): string[] {
    return this.#parts.flatMap((part) =>
      part.kind === 'variable' && part.fallback === undefined ? [part.key] : [],
    );
  }

  /** The text with variables filled in, or undefined when the request lacks one. */
  text(context: RequestContext): string | undefined {
    const texts = this.#parts.map((part) => valueOf(part, context));
    return texts.includes(undefined) ? undefined : texts.join('');
  }

  /** As {@link text}, with `*` and `?` of the policy as wildcards; those of values are characters. */
  pattern(context: RequestContext): Pattern | undefined {
    const patterns = this.#parts.map((part) => {
      const value = valueOf(part, context);
      if (value === undefined) return undefined;
      return part.kind === 'text' ? wildcardPattern(value) : Array.from(value);
    });
    return patterns.includes(undefined) ? undefined : patterns.flatMap((pattern) => pattern ?? []);
  }
}

function valueOf(part: Part, context: RequestContext): string | undefined {
  return part.kind === 'variable' ? (context.single(part.key) ?? part.fallback) : part.text;
}

const VARIABLE = /\$\{(?:([*?$])|([^{}*?$,]+?)\s*(?:,\s*'([^'{}]*)'\s*)?)\}/g;

function parse(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(VARIABLE)) {
    if (match.index > end) parts.push({ kind: 'text', text: text.slice(end, match.index) });
    const [whole, escaped, key = '', fallback] = match;
    parts.push(
      escaped === undefined
        ? { kind: 'variable', key: key.trim(), fallback }
        : { kind: 'escaped', text: escaped },
    );
    end = match.index + whole.length;
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return parts;
}

/** True when the pattern is one that fits everything. */
export function isAnything(pattern: Pattern): boolean {
  return pattern.length > 0 && pattern.every((part) => part === ANY);
}

/** A pattern's segments between colons: five splits, as an ARN has six fields. */
export function arnSegments(pattern: Pattern): Pattern[] {
  const segments: (string | typeof ANY | typeof ONE)[][] = [[]];
  for (const part of pattern) {
    if (part === ':' && segments.length < 6) segments.push([]);
    else segments.at(-1)?.push(part);
  }
  return segments;
}
