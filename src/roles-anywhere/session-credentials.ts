import { keptCredentials } from '../aws/credential-cache.ts';
import type { KeptCredentials } from '../aws/credential-cache.ts';
import type { TemporaryCredentials } from '../aws/temporary-credentials.ts';
import { errorLine } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import type { Certificate } from './certificate.ts';
import { isNearEnd, renewalReminder } from './certificate-end.ts';
import { readLeaf } from './identity.ts';
import type { KeyWorld } from './open-key.ts';
import type { SessionPlan } from './session-plan.ts';

/** Thrown by `askPassphrase` of a process that leaves the asking to another. */
export class PersonNeeded extends Error {}

/** The outer world of `sessionCredentials`; what is said is for the person or the log. */
export interface CredentialWorld extends KeyWorld {
  env: Environment;
  now: () => number;
}

/**
 * The credentials of a machine's role: those kept on disk while they last, else new ones. Of many
 * processes at once one asks the service; where that fails, what is kept is used to its end.
 *
 * @throws DevaccessError those of `loadIdentity` and `createSession`
 */
export async function sessionCredentials(
  plan: SessionPlan,
  world: CredentialWorld,
): Promise<KeptCredentials> {
  const certificates = await readLeaf(plan);
  const [certificate] = certificates;
  if (isNearEnd(certificate, world.now())) world.say(renewalReminder(certificate, plan.files));
  const { arns, durationSeconds, roleSessionName = '', endpoint, isVerified } = plan;
  const subject = [
    'roles-anywhere',
    certificate.fingerprint,
    arns.trustAnchorArn,
    arns.profileArn,
    arns.roleArn,
    String(durationSeconds),
    roleSessionName,
    arns.region,
    endpoint.href,
    String(isVerified),
  ];
  return keptCredentials(subject, () => newCredentials(plan, certificates, world), {
    env: world.env,
    now: world.now,
    onKept: (error) => {
      if (error instanceof PersonNeeded) throw error;
      world.say(
        `no new credentials, the present ones are used while they last: ${errorLine(error)}`,
      );
    },
  });
}

/**
 * New credentials, whatever is kept.
 *
 * @throws DevaccessError those of `loadIdentity` and `createSession`
 */
async function newCredentials(
  plan: SessionPlan,
  certificates: readonly [Certificate, ...Certificate[]],
  world: CredentialWorld,
): Promise<TemporaryCredentials> {
  // What this needs is loaded by the few runs that find nothing kept.
  const { requestCredentials } = await import('./request-credentials.ts');
  return requestCredentials(plan, certificates, world);
}
