import { createHash } from 'node:crypto';
import type { ForwardRequest } from '../forward/port-forward.ts';

/** A named tunnel with its hosts looked up: what a process needs to open it. Nothing in it is secret. */
export interface TunnelPlan {
  name: string;
  /** As the person named it: a host, an id, a tag. */
  host: string;
  /** Undefined: the usual chain of credentials, environment first. */
  profile: string | undefined;
  region: string | undefined;
  /** At least one. */
  forwards: ForwardRequest[];
}

/** Tells whether a running tunnel is still the one that its settings describe. */
export function planDigest(plan: TunnelPlan): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 16);
}
