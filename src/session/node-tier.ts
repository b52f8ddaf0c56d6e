import { DevaccessError } from '../platform/errors.ts';

/**
 * Whether StartSession refused a node because its account has the standard-instances tier. The
 * service says BadRequest, at times without a word more.
 */
export function isTierRefusal(target: string, message: string): boolean {
  if (/advanced-instances tier/i.test(message)) return true;
  return target.startsWith('mi-') && /^(BadRequest|UnknownError|)$/.test(message.trim());
}

/** It costs for each node: only a person decides on it. */
export function advancedTierNeeded(target: string, region: string, cause: unknown): DevaccessError {
  return new DevaccessError(
    'DA_ADVANCED_TIER',
    `AWS refuses sessions to ${target}: it is outside EC2, and the advanced-instances tier is off in ${region}.`,
    {
      next:
        'check that the region is right. The tier costs by the node and hour; who may decide that ' +
        `switches it on: aws ssm update-service-setting --region ${region} ` +
        '--setting-id /ssm/managed-instance/activation-tier --setting-value advanced. ' +
        'devaccess run --via run-command works without it.',
      cause,
    },
  );
}
