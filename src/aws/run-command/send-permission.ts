import { DevaccessError, printable } from '../../platform/errors.ts';

/** After so many refusals, and none that was let through, nobody expects another answer. */
const MAX_DENIALS = 5;

/** Tells which nodes SendCommand was refused for: it refuses all that are named together. */
export class SendPermission {
  #denials = 0;
  #isGiven = false;

  wasGiven(): void {
    this.#isGiven = true;
  }

  /**
   * The nodes that an error of SendCommand is about; none where it does not tell, and a part of them
   * is worth a try.
   */
  refusedOf(targets: readonly string[], error: unknown): readonly string[] {
    if (!(error instanceof DevaccessError) || targets.length === 1) return targets;
    const text = error.cause instanceof Error ? error.cause.message : '';
    const named = targets.filter((target) => namesNode(text, target));
    switch (error.code) {
      case 'DA_TARGET_NOT_CONNECTED':
        return named;
      case 'DA_ACCESS_DENIED':
        this.#denials += 1;
        // Of a document, or of what it does not say, all are refused.
        if (named.length === 0 || (this.#denials >= MAX_DENIALS && !this.#isGiven)) return targets;
        return named;
      default:
        return targets;
    }
  }
}

/** Ids are of letters and digits, so that none is a part of another. */
function namesNode(text: string, target: string): boolean {
  return text.split(/[^\w-]+/).includes(target);
}

/**
 * A refusal of SendCommand with the statement that a policy lacks.
 *
 * @param error as `serviceError` made it; any other is handed back
 */
export function withMissingStatement(error: unknown, document: string, region: string): unknown {
  if (!(error instanceof DevaccessError) || error.code !== 'DA_ACCESS_DENIED') return error;
  const text = error.cause instanceof Error ? error.cause.message : '';
  const denied = /on resource: (arn:[^\s"]{1,300})/.exec(text)?.[1];
  const [, partition = partitionOf(region), account = '*'] =
    /arn:(aws[a-z-]*):(?:ec2|iam|ssm|sts):[a-z0-9-]*:(\d{12}):/.exec(text) ?? [];
  const statement = {
    Effect: 'Allow',
    Action: 'ssm:SendCommand',
    Resource: [
      `arn:${partition}:ssm:${region}::document/${document}`,
      `arn:${partition}:ec2:${region}:${account}:instance/*`,
      `arn:${partition}:ssm:${region}:${account}:managed-instance/*`,
    ],
  };
  const where = denied === undefined ? '' : ` on ${printable(denied)}`;
  return new DevaccessError(error.code, `${error.message}${where}`, {
    next:
      `${error.next ?? ''}; the statement that is missing, which allows to run anything as root ` +
      `on these nodes: ${JSON.stringify(statement)}`,
    cause: error.cause,
  });
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
