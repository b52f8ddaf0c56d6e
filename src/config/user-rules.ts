import * as v from 'valibot';
import { isSshUser } from '../platform/ssh-user.ts';
import { list, table, text } from './values.ts';

export const userName = text('a user of letters, digits and . _ - @', isSshUser);

const PATTERN = 'a text that may have * and ? in it';
const pattern = text(PATTERN, (value) => /^\P{C}{1,256}$/u.test(value));

/** A tag as one text; its value may be a pattern. */
const tagPattern = v.pipe(
  text('KEY=VALUE of a tag; * and ? may be in VALUE', (value) =>
    /^[^=\p{C}]+=\P{C}*$/u.test(value),
  ),
  v.transform((value) => {
    const at = value.indexOf('=');
    return { key: value.slice(0, at), pattern: value.slice(at + 1) };
  }),
);

/** `users`: who logs in to which servers. The first rule that covers a server counts. */
export const userRules = list(
  table({
    user: userName,
    name: v.optional(pattern),
    platform: v.optional(pattern),
    tag: v.optional(tagPattern),
  }),
  'a list of rules, each with user and any of name, platform, tag',
);
