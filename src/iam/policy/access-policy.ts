import type { AccessRequest } from './access-request.ts';
import {
  discoveryStatement,
  guardStatements,
  hybridTagsStatement,
  selfServiceStatements,
  sessionKeyStatement,
} from './account-statements.ts';
import { instanceConnectStatements, runCommandStatements } from './command-statements.ts';
import type { ExplainedStatement } from './policy-document.ts';
import { rotationStatements } from './rotation-statements.ts';
import { assumeStatement, trustStatement } from './role-policies.ts';
import { sessionStatements } from './session-statements.ts';

/** All that IAM needs for what was asked, statement by statement. */
export interface AccessPolicy {
  permissions: ExplainedStatement[];
  /** Of a role: who may assume it. */
  trust: ExplainedStatement | undefined;
  /** Of a role: what those need who assume it. */
  assume: ExplainedStatement | undefined;
  /** What a person should decide with open eyes. */
  notices: string[];
}

/** The least that lets the features work, and guards that no other policy opens (7.3). */
export function accessPolicy(request: AccessRequest): AccessPolicy {
  const isRole = request.kind === 'role';
  return {
    permissions: [
      ...sessionStatements(request),
      ...discoveryStatement(request),
      ...hybridTagsStatement(request),
      ...runCommandStatements(request),
      ...instanceConnectStatements(request),
      ...rotationStatements(request),
      ...sessionKeyStatement(request),
      ...selfServiceStatements(request),
      ...guardStatements(request),
    ],
    trust: isRole ? trustStatement(request) : undefined,
    assume: isRole ? assumeStatement(request) : undefined,
    notices: [
      ...(isRole ? ['MFA is asked for by who may assume the role: --show trust'] : []),
      ...notices(request),
    ],
  };
}

function notices({ nodes, documents, features, nodeRoles }: AccessRequest): string[] {
  const notices: string[] = [];
  const wild = [...nodes.tags.values()].flat().filter((value) => /[*?]/.test(value));
  if (wild.length > 0) {
    notices.push(`tags match as they are written, no wildcards: ${wild.join(', ')}`);
  }
  const reachesNodes =
    documents.length > 0 ||
    (['run-command', 'trust', 'instance-connect', 'rotate-nodes'] as const).some((each) =>
      features.has(each),
    );
  if (reachesNodes && nodes.tags.size === 0 && nodes.targets.length === 0) {
    notices.push('every node of the account may be reached: narrow it with --tag or --target');
  }
  if (features.has('rotate-nodes') && nodeRoles.length === 0) {
    notices.push('nodes rotate assumes the role that nodes get: name it with --node-role');
  }
  if (documents.some(({ name }) => name.endsWith('ToRemoteHost'))) {
    notices.push('remote-host reaches whatever the nodes reach; no policy can tell hosts apart');
  }
  if (features.has('run-command') || features.has('trust')) {
    notices.push('Run Command runs any line as root on the nodes');
  }
  if (features.has('shell') || features.has('run')) {
    notices.push(
      "shells run as ssm-user, who may sudo, unless the account's preferences name another user",
    );
  }
  return notices;
}
