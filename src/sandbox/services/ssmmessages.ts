import type { IncomingMessage } from 'node:http';
import type { SandboxAccount } from '../account.ts';
import { collectHeaders, header } from '../http/message.ts';
import type { SignatureVerifier, UpgradeSignature } from '../http/signature.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { denialOf } from '../iam/denial.ts';
import type { SandboxSession } from '../session-registry.ts';
import { sessionArn, sessionTagEntries } from './ssm-access.ts';

const ACTION = 'ssmmessages:OpenDataChannel';

interface GatewayAccess {
  readonly account: SandboxAccount;
  readonly access: AccessControl;
  readonly verifier: SignatureVerifier;
}

/**
 * Who opens a data channel, and whether the policies let them. AWS's samples name the session by
 * `aws:userid` here where they name it by the session's id elsewhere: either form allows, each denies.
 * An upgrade that nobody signed is let through, as older official clients sign none: it has the token.
 */
export function authorizeDataChannel(
  { account, access, verifier }: GatewayAccess,
  request: IncomingMessage,
  session: SandboxSession,
): UpgradeSignature {
  const signature = verifier.verifyUpgrade(request);
  if (signature === 'absent' || 'error' in signature) return signature;
  const { region } = account;
  const call = {
    caller: signature.identity,
    region,
    requestId: '',
    sourceIp: request.socket.remoteAddress?.replace(/^::ffff:/, ''),
    userAgent: header({ headers: collectHeaders(request.rawHeaders) }, 'user-agent'),
  };
  const random = session.sessionId.slice(session.sessionId.lastIndexOf('-') + 1);
  const names = [session.sessionId, `${session.ownerUserId}-${random}`];
  const context = sessionTagEntries(session);
  const decisions = names.map((name) => {
    const resource = sessionArn(account, region, name);
    return { resource, evaluation: access.decide(call, { action: ACTION, resource, context }) };
  });
  const refused =
    decisions.find(({ evaluation }) => evaluation.decision === 'explicitDeny') ??
    (decisions.some(({ evaluation }) => evaluation.decision === 'allowed')
      ? undefined
      : decisions[0]);
  if (refused === undefined) return signature;
  const { members } = denialOf(
    call.caller,
    { action: ACTION, resource: refused.resource },
    refused.evaluation,
  );
  return { error: String(members['Message']) };
}
