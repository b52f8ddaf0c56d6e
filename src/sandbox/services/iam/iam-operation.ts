import type { AccessControl } from '../../iam/access-control.ts';
import type { ContextValue } from '../../iam-policy/request-context.ts';
import { MalformedPolicy } from '../../iam-policy/policy-document.ts';
import type { PolicyKind } from '../../iam-policy/policy-document.ts';
import type { StoredPolicy } from '../../iam/entities.ts';
import { storedPolicy } from '../../iam/stored-policy.ts';
import type { QueryOperation } from '../../http/query-protocol.ts';
import type { QueryInput } from '../../http/query-input.ts';
import type { Call } from '../../http/service.ts';
import type { XmlValue } from '../../http/xml.ts';
import { PageTokens } from '../../page-tokens.ts';
import { ServiceError } from '../../service-error.ts';
import type { TotpVerifier } from '../../totp.ts';
import type { IamDirectory } from './iam-directory.ts';

/** What IAM's operations work with. */
export interface IamContext {
  readonly directory: IamDirectory;
  readonly access: AccessControl;
  readonly totp: TotpVerifier;
  readonly now: () => number;
}

export type IamOperations = Readonly<Record<string, QueryOperation>>;

export const NAME_RULE = { min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ } as const;
export const USER_NAME_RULE = { ...NAME_RULE, max: 64 } as const;
export const ARN_RULE = { min: 20, max: 2048 } as const;
const PATH_RULE = { min: 1, max: 512, pattern: /^(\/|\/[\x21-\x7e]+\/)$/ } as const;
const PATH_PREFIX_RULE = { min: 1, max: 512, pattern: /^\/[\x21-\x7f]*$/ } as const;
const DOCUMENT_RULE = {
  min: 1,
  max: 131_072,
  pattern: /^[\u0009\u000a\u000d\u0020-\u00ff]+$/,
} as const;
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const TAG_KEY_RULE = { min: 1, max: 128, pattern: TAG_TEXT } as const;
const TAG_LIMIT = 50;
const PAGE_SIZE = { min: 1, max: 1000, default: 100 } as const;

export function readPath(input: QueryInput): string {
  return input.text('Path', PATH_RULE) ?? '/';
}

export function readPathPrefix(input: QueryInput): string {
  return input.text('PathPrefix', PATH_PREFIX_RULE) ?? '/';
}

/** A policy document that was given; syntax is for {@link parseDocument}. */
export function readDocument(input: QueryInput, name = 'PolicyDocument'): string {
  return input.requiredText(name, DOCUMENT_RULE);
}

/** @throws ServiceError MalformedPolicyDocument */
export function parseDocument(text: string, kind: PolicyKind = 'identity'): StoredPolicy {
  try {
    return storedPolicy(text, kind);
  } catch (error) {
    if (!(error instanceof MalformedPolicy)) throw error;
    throw new ServiceError('MalformedPolicyDocument', error.message, 400);
  }
}

/** Policies are measured without white space. */
export function documentSize(text: string): number {
  return text.replace(/\s/g, '').length;
}

/** Documents come back percent-encoded as RFC 3986 has it. */
export function encodedDocument(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** @throws ServiceError InvalidInput for a key that comes twice, LimitExceeded for too many */
export function readTags(input: QueryInput): Map<string, string> {
  const tags = new Map<string, string>();
  for (const member of input.structures('Tags.member')) {
    const key = member.requiredText('Key', TAG_KEY_RULE);
    const value = member.requiredText('Value', { max: 256, pattern: TAG_TEXT });
    member.check();
    if ([...tags.keys()].some((known) => known.toLowerCase() === key.toLowerCase())) {
      throw new ServiceError(
        'InvalidInput',
        'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
      );
    }
    if (/^aws:/i.test(key)) {
      throw new ServiceError('InvalidInput', 'System tags cannot be added or removed.');
    }
    tags.set(key, value);
  }
  refuseTooManyTags(tags);
  return tags;
}

export function readTagKeys(input: QueryInput): string[] {
  const keys = input.list('TagKeys.member');
  for (const key of keys) input.constraints.text('TagKeys', key, TAG_KEY_RULE);
  return keys;
}

export function refuseTooManyTags(tags: ReadonlyMap<string, string>): void {
  if (tags.size > TAG_LIMIT) {
    throw new ServiceError('LimitExceeded', 'Cannot exceed quota for TagsPerResource: 50', 409);
  }
}

/** Tags of a request, as policies see them (`aws:RequestTag/…`, `aws:TagKeys`). */
export function requestTagEntries(tags: ReadonlyMap<string, string>): Record<string, ContextValue> {
  return {
    ...Object.fromEntries([...tags].map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    'aws:TagKeys': tags.size === 0 ? undefined : [...tags.keys()],
  };
}

/** Tags of what a call is about, as policies see them. */
export function resourceTagEntries(tags: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...tags].flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`iam:ResourceTag/${key}`, value],
    ]),
  );
}

export function tagElements(tags: ReadonlyMap<string, string>): XmlValue {
  return { member: [...tags].map(([Key, Value]) => ({ Key, Value })) };
}

/**
 * Lists of one operation, a page at a time. A marker is good for the same caller and the same
 * question only.
 */
export class Pager {
  readonly #tokens = new PageTokens();

  /** What a request asks for; to be read before `input.check()`. */
  read(input: QueryInput): { size: number; marker: string | undefined } {
    return {
      size: input.integer('MaxItems', PAGE_SIZE) ?? PAGE_SIZE.default,
      marker: input.text('Marker', { min: 1, max: 320 }),
    };
  }

  /**
   * @param binding what the list depends on
   * @returns the page's items and the elements that follow the list
   */
  page<Item>(
    items: readonly Item[],
    { size, marker }: { size: number; marker: string | undefined },
    call: Call,
    ...binding: readonly (string | undefined)[]
  ): { items: Item[]; rest: { IsTruncated: boolean; Marker?: string } } {
    const bound = [call.caller.arn, ...binding];
    const start = marker === undefined ? 0 : this.#tokens.open(marker, bound);
    if (start === undefined) throw new ServiceError('ValidationError', 'Invalid Marker.');
    const end = start + size;
    const isTruncated = end < items.length;
    return {
      items: items.slice(start, end),
      rest: {
        IsTruncated: isTruncated,
        ...(isTruncated ? { Marker: this.#tokens.issue(end, bound) } : {}),
      },
    };
  }
}
