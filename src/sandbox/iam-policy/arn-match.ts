import { matchesPattern } from '../wildcard.ts';
import type { Pattern } from '../wildcard.ts';
import { arnSegments, isAnything } from './policy-template.ts';

const FIELDS = 6;

/**
 * An ARN of a policy against one of a request. A wildcard stays within its field (partition, service,
 * region, account, resource); fields that a short pattern leaves out fit anything. An empty field,
 * such as the account of a document of AWS, fits `*` and nothing that is spelt out.
 */
export function matchesArn(pattern: Pattern, arn: string): boolean {
  if (isAnything(pattern)) return true;
  const wanted = arnSegments(pattern);
  const given = splitArn(arn);
  if (wanted[0] === undefined || given.length < wanted.length) return false;
  return given.every((field, at) => {
    const segment = wanted[at];
    return segment === undefined || matchesPattern(segment, field);
  });
}

function splitArn(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length <= FIELDS
    ? parts
    : [...parts.slice(0, FIELDS - 1), parts.slice(FIELDS - 1).join(':')];
}
