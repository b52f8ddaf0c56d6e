import { DevaccessError, EXIT } from '../platform/errors.ts';
import { NODE_TEXT, parseNodeTag } from './node-tag.ts';
import type { NodeTag } from './node-tag.ts';

/** What an activation is to be like; checked, so that AWS and every script take it. */
export interface ActivationRequest {
  /** Name of the nodes' role, `service-role/` before it where that is its path. */
  role: string;
  /** How many machines may register. */
  limit: number;
  /** Milliseconds since the epoch. */
  expiresAtMs: number;
  /** What the nodes are called. */
  name: string | undefined;
  description: string | undefined;
  /** What the nodes are tagged with. */
  tags: NodeTag[];
}

/** An activation as it is asked for on the command line. */
export interface ActivationWish {
  role: string;
  limit: number;
  /** `90m`, `24h`, `30d`. */
  expires: string;
  name: string | undefined;
  description: string | undefined;
  /** `KEY=VALUE` each. */
  tags: readonly string[];
}

const ROLE = /^(service-role\/)?[\w+=,.@-]{1,64}$/;
const MAX_ROLE = 64;
const MAX_TEXT = 256;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_LIFE_MS = 30 * 86_400_000;
/** AWS's clock decides what is within 30 days, and the call takes a moment. */
const CLOCK_MARGIN_MS = 60_000;

/** @throws DevaccessError DA_USAGE for what AWS would not take */
export function readActivationWish(wish: ActivationWish, nowMs: number): ActivationRequest {
  const tags = wish.tags.map(parseNodeTag);
  const keys = new Set(tags.map(({ key }) => key));
  if (keys.size < tags.length) throw usage('A tag is given twice', 'give each key once');
  return {
    role: readRole(wish.role),
    limit: wish.limit,
    expiresAtMs: nowMs + readLifetimeMs(wish.expires),
    name: readText('name', wish.name, NODE_TEXT),
    description: readText('description', wish.description, /^[^\p{Cc}]*$/u),
    tags,
  };
}

function readRole(text: string): string {
  if (ROLE.test(text) && text.length <= MAX_ROLE) return text;
  const name = /^arn:[^:]+:iam::\d{12}:role\/((?:service-role\/)?[\w+=,.@-]{1,64})$/.exec(
    text,
  )?.[1];
  throw usage(
    `'${text}' is not the name of a role`,
    name === undefined
      ? 'give the name of a role that trusts ssm.amazonaws.com, such as --role hybrid-nodes'
      : `give its name, not its ARN: --role ${name}`,
  );
}

function readLifetimeMs(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? 0);
  if (ms > 0 && ms <= MAX_LIFE_MS) return Math.min(ms, MAX_LIFE_MS - CLOCK_MARGIN_MS);
  throw usage(
    `'${text}' is not for how long an activation can last`,
    'write it as 90m, 24h or 30d; 30 days are the most AWS allows',
  );
}

function readText(what: string, text: string | undefined, form: RegExp): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (text.length <= MAX_TEXT && form.test(text)) return text;
  throw usage(
    `'${text}' cannot be the ${what}`,
    what === 'name'
      ? `use letters, digits, blanks and _.:/=+-@, ${MAX_TEXT} characters at most`
      : `use one line of ${MAX_TEXT} characters at most`,
  );
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
