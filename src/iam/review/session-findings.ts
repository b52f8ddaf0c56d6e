import { refOf, refsOf } from './exemplars.ts';
import type { PolicyBench, Situation } from './exemplars.ts';
import { milder } from './finding.ts';
import type { Finding } from './finding.ts';
import { ANY } from './exemplars.ts';
import type { ReviewedStatement } from './reviewed-policy.ts';

const START = 'ssm:StartSession';
const PREFERENCES = 'arn:P:ssm:R:A:document/SSM-SessionManagerRunShell';
const UNLISTED = [
  'arn:P:ssm:R:A:document/Unlisted-Document',
  'arn:P:ssm:R::document/AWS-UnlistedDocument',
];
const REMOTE_HOST = 'arn:P:ssm:R::document/AWS-StartPortForwardingSessionToRemoteHost';
const WITH_CODE: Situation = { mfa: 'fresh', documentCheck: true };

/** What a policy lets happen by sessions: who starts them, where, with what, and whose. */
export function sessionFindings(bench: PolicyBench): Finding[] {
  return [
    ...mfaFindings(bench),
    ...documentFindings(bench),
    ...nodeFindings(bench),
    ...ownershipFindings(bench),
  ];
}

function mfaFindings(bench: PolicyBench): Finding[] {
  const findings: Finding[] = [];
  if (bench.holder === 'role') {
    const asks = bench.policy.statements.filter(
      ({ effect, conditions }) =>
        effect === 'Allow' && conditions.some(({ key, ifExists }) => isMfaKey(key) && !ifExists),
    );
    if (asks.length > 0) {
      findings.push({
        id: 'mfa-in-role',
        severity: 'medium',
        title: 'The MFA condition of a role can never hold',
        statements: refsOf(asks),
        why: 'Sessions of AssumeRole carry no MFA, so what the statement allows is refused to everybody.',
        fix: 'ask for MFA in the trust policy of the role: devaccess iam policy --role --show trust',
      });
    }
    return findings;
  }
  const calls = [START, 'ssm:SendCommand'].map((action) => ({
    action,
    bare: bench.allows(action, bench.nodes, { ...WITH_CODE, mfa: 'none' }),
    old: bench.allows(action, bench.nodes, { ...WITH_CODE, mfa: 'old' }),
  }));
  const open = calls.flatMap(({ action, bare }) =>
    bare === undefined ? [] : [{ action, ...bare }],
  );
  const [first] = open;
  if (first !== undefined) {
    findings.push({
      id: 'no-mfa',
      severity: open.some(({ certain }) => certain) ? 'high' : milder('high'),
      title: 'Servers without MFA',
      statements: refsOf(open.map(({ statement }) => statement)),
      why: `${open.map(({ action }) => action).join(', ')}: whoever finds an access key may use it on servers. ${whyNoMfa(bench, first.statement)}`,
      fix: 'in the Allow: "Bool": {"aws:MultiFactorAuthPresent": "true"}; in a Deny: "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}',
    });
  }
  const ageless = calls.flatMap(({ action, bare, old }) =>
    bare === undefined && old !== undefined ? [{ action, statement: old.statement }] : [],
  );
  if (ageless.length > 0) {
    findings.push({
      id: 'mfa-age',
      severity: 'low',
      title: 'An MFA code of any age',
      statements: refsOf(ageless.map(({ statement }) => statement)),
      why: `${ageless.map(({ action }) => action).join(', ')}: a code counts as long as its session lasts, which the caller chooses: up to 36 hours.`,
      fix: 'in the same Allow: "NumericLessThan": {"aws:MultiFactorAuthAge": "43200"}',
    });
  }
  return findings;
}

function whyNoMfa({ policy }: PolicyBench, { conditions }: ReviewedStatement): string {
  const inAllow = conditions.find(({ key }) => isMfaKey(key));
  if (inAllow?.ifExists === true) {
    return `${inAllow.operator} in an Allow lets long-term keys through: with them the key is not there.`;
  }
  const weakDeny = policy.statements.find(
    ({ effect, conditions }) =>
      effect === 'Deny' && conditions.some(({ key, ifExists }) => isMfaKey(key) && !ifExists),
  );
  if (weakDeny !== undefined) {
    return `The Deny of statement ${weakDeny.index} is without IfExists, so it does not hold for long-term keys: with them the key is not there.`;
  }
  return 'Nothing asks for MFA.';
}

function documentFindings(bench: PolicyBench): Finding[] {
  const findings: Finding[] = [];
  const unlisted = bench.allows(START, UNLISTED, WITH_CODE);
  const bypass = bench.allows(START, bench.nodes, { mfa: 'fresh', documentCheck: false });
  const shell = bench.allows(START, PREFERENCES, WITH_CODE);
  if (unlisted !== undefined) {
    findings.push({
      id: 'any-document',
      severity: unlisted.certain ? 'high' : milder('high'),
      title: 'Sessions with any document',
      statements: [refOf(unlisted.statement)],
      why: 'That is shells, ports of hosts that the node reaches, and every document that is made later.',
      fix: 'list the documents: arn:PARTITION:ssm:REGION::document/AWS-StartSSHSession',
    });
  }
  if (bypass !== undefined && shell === undefined) {
    findings.push({
      id: 'shell-bypass',
      severity: bypass.certain ? 'high' : milder('high'),
      title: 'A shell without permission for a shell',
      statements: [refOf(bypass.statement)],
      why: 'StartSession that names no document opens the default shell as ssm-user, who may sudo, whatever documents are listed.',
      fix: 'in every Allow of ssm:StartSession: "BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}',
    });
  }
  const remote = bench.allows(START, REMOTE_HOST, WITH_CODE);
  if (remote !== undefined && unlisted === undefined) {
    findings.push({
      id: 'remote-host',
      severity: 'medium',
      title: 'Ports of any host that the nodes reach',
      statements: [refOf(remote.statement)],
      why: 'AWS-StartPortForwardingSessionToRemoteHost takes any host and port; no policy can tell them apart.',
      fix: 'leave the document out unless it is used, and narrow the nodes and their security groups',
    });
  }
  return findings;
}

function nodeFindings(bench: PolicyBench): Finding[] {
  const any = [`arn:P:ec2:R:A:instance/${ANY.instance}`];
  const open = bench.allows(START, any, { ...WITH_CODE, untagged: true });
  if (open === undefined) return [];
  const optional = open.statement.conditions.find(
    ({ key, ifExists }) => ifExists && /resourcetag\//i.test(key),
  );
  return [
    {
      id: 'all-nodes',
      severity: 'medium',
      title: 'Every instance of the account',
      statements: [refOf(open.statement)],
      why:
        optional === undefined
          ? 'Neither a tag nor an id says which: production and everybody else included.'
          : `${optional.operator} lets instances without the tag through.`,
      fix: '"StringEquals": {"ssm:resourceTag/KEY": ["VALUE"]}, or the ids of the instances',
    },
  ];
}

function ownershipFindings(bench: PolicyBench): Finding[] {
  const findings: Finding[] = [];
  const others: Situation = {
    mfa: 'fresh',
    keys: { 'ssm:resourcetag/aws:ssmmessages:session-id': [ANY.otherId] },
  };
  const session = `arn:P:ssm:R:A:session/${ANY.otherName}-0a1b2c3d4e5f60718`;
  const takes = bench.allows('ssm:ResumeSession', session, others);
  if (takes !== undefined) {
    findings.push({
      id: 'other-sessions',
      severity: takes.certain ? 'high' : milder('high'),
      title: 'Sessions of others may be taken over',
      statements: [refOf(takes.statement)],
      why: 'ResumeSession hands out a token for the stream of a session that somebody else has open.',
      fix: '"StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": ["${aws:userid}"]}',
    });
  }
  const ends = bench.allows('ssm:TerminateSession', session, others);
  if (ends !== undefined) {
    findings.push({
      id: 'other-sessions-ended',
      severity: ends.certain ? 'medium' : 'low',
      title: 'Sessions of others may be ended',
      statements: [refOf(ends.statement)],
      why: 'TerminateSession is allowed on every session.',
      fix: '"StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": ["${aws:userid}"]}',
    });
  }
  const longer = `arn:P:ssm:R:A:session/${ANY.ownName}-two-0a1b2c3d4e5f60718`;
  const prefix = bench.allows('ssm:TerminateSession', longer, others);
  if (prefix?.certain === true && ends === undefined) {
    findings.push({
      id: 'name-prefix',
      severity: 'low',
      title: 'Sessions of users whose name begins alike',
      statements: [refOf(prefix.statement)],
      why: 'session/${aws:username}-* of "al" is also of "al-ice".',
      fix: 'by the tag alone: ssm:resourceTag/aws:ssmmessages:session-id is ${aws:userid} (devaccess iam policy --strict)',
    });
  }
  return findings;
}

export function isMfaKey(key: string): boolean {
  return /^aws:MultiFactorAuth(Present|Age)$/i.test(key);
}
