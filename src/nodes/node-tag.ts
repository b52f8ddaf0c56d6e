import { DevaccessError, EXIT } from '../platform/errors.ts';

export interface NodeTag {
  key: string;
  value: string;
}

/** What Systems Manager takes in keys and values of tags, and in the names of nodes. */
export const NODE_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const MAX_KEY = 128;
const MAX_VALUE = 256;

/**
 * Reads `KEY=VALUE`. The value may hold `=`.
 *
 * @throws DevaccessError DA_USAGE for what Systems Manager does not take
 */
export function parseNodeTag(text: string): NodeTag {
  const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const fits = key.length <= MAX_KEY && value.length <= MAX_VALUE;
  const isPlain = NODE_TEXT.test(key) && NODE_TEXT.test(value);
  if (key !== '' && fits && isPlain && !/^aws:/i.test(key)) return { key, value };
  throw new DevaccessError('DA_USAGE', `'${text}' is not a tag of a node`, {
    next:
      'write it as KEY=VALUE, of letters, digits, blanks and _.:/=+-@, 128 and 256 characters at ' +
      'most; a key does not begin with aws:',
    exitCode: EXIT.usage,
  });
}
