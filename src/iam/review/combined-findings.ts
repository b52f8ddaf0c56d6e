import { commandFindings } from './command-findings.ts';
import { refOf, refsOf } from './exemplars.ts';
import type { PolicyBench, Situation } from './exemplars.ts';
import { milder } from './finding.ts';
import type { Finding } from './finding.ts';
import { ANY_ROLE, grantFindings, NODES, OWN_USER } from './grant-findings.ts';

/** What is severe or not by what else the policy allows. */
export function combinedFindings(bench: PolicyBench): Finding[] {
  return [
    ...commandFindings(bench),
    ...passRoleFindings(bench),
    ...taggingFindings(bench),
    ...runAsFindings(bench),
    ...principalTagFindings(bench),
    ...secondDeviceFindings(bench),
    ...pushedKeyFindings(bench),
  ];
}

/** Allowed on the face of it: an administrator, or a NotAction that forgot everything else. */
export function everythingFinding(bench: PolicyBench): Finding[] {
  const all = bench.allows(
    'an-unknown-service:AnyAction',
    'arn:P:an-unknown-service:R:A:any/thing',
    {
      mfa: 'fresh',
    },
  );
  if (all === undefined) return [];
  const withIam = bench.allows('iam:PutUserPolicy', OWN_USER, { mfa: 'fresh' }) !== undefined;
  return [
    {
      id: 'everything',
      severity: all.certain ? 'critical' : milder('critical'),
      title: all.statement.allBut ? 'Nearly everything is allowed' : 'Everything is allowed',
      statements: [refOf(all.statement)],
      why: all.statement.allBut
        ? `NotAction allows whatever is not listed: all other services${withIam ? ', IAM,' : ''} and what comes out tomorrow.`
        : 'Action and Resource are "*": this is an administrator.',
      fix: 'list what is needed: devaccess iam policy prints it',
    },
  ];
}

/** Where MFA is asked for, what lets it be got round counts for everything else. */
export function mfaBypassFindings(bench: PolicyBench): Finding[] {
  const ids = ['keys-without-mfa', 'device-removal'];
  return [
    ...grantFindings(bench).filter(({ id }) => ids.includes(id)),
    ...secondDeviceFindings(bench),
  ];
}

const HANDS_ON: readonly string[] = [
  'ec2:RunInstances',
  'ec2:AssociateIamInstanceProfile',
  'lambda:CreateFunction',
  'cloudformation:CreateStack',
  'ssm:CreateActivation',
  'ssm:StartAutomationExecution',
  'ecs:RunTask',
  'glue:CreateJob',
  'codebuild:CreateProject',
  'sagemaker:CreateNotebookInstance',
];

function passRoleFindings(bench: PolicyBench): Finding[] {
  const pass = bench.allows('iam:PassRole', ANY_ROLE, { mfa: 'fresh' });
  if (pass === undefined) return [];
  const takers = HANDS_ON.filter(
    (action) =>
      bench.allows(action, ['*', ...NODES, 'arn:P:lambda:R:A:function:any'], { mfa: 'fresh' }) !==
      undefined,
  );
  const severity = takers.length > 0 ? 'critical' : 'high';
  return [
    {
      id: 'pass-role',
      severity: pass.certain ? severity : milder(severity),
      title: 'Any role may be handed to a service',
      statements: [refOf(pass.statement)],
      why:
        takers.length > 0
          ? `With ${takers.join(', ')} the caller works as any role that the service may take.`
          : 'With any call that starts something, here or in another policy, the caller works as that role.',
      fix: 'name the role, and the service: "StringEquals": {"iam:PassedToService": "SERVICE"}',
    },
  ];
}

/** Who tags nodes decides which of them a tag condition lets through. */
function taggingFindings(bench: PolicyBench): Finding[] {
  const actions = ['ec2:CreateTags', 'ec2:DeleteTags', 'ssm:AddTagsToResource'];
  const allowed = actions.flatMap((action) => {
    const allowance = bench.allows(action, NODES, { mfa: 'fresh', untagged: true });
    return allowance === undefined ? [] : [{ action, ...allowance }];
  });
  if (allowed.length === 0) return [];
  const isScoped = bench.policy.statements.some(({ conditions }) =>
    conditions.some(({ key }) => /^(ssm|aws|ec2):resourcetag\//i.test(key)),
  );
  const severity = isScoped ? 'high' : 'medium';
  return [
    {
      id: 'node-tagging',
      severity: allowed.some(({ certain }) => certain) ? severity : milder(severity),
      title: 'Nodes may be tagged into reach',
      statements: refsOf(allowed.map(({ statement }) => statement)),
      why: `${allowed.map(({ action }) => action).join(', ')}: who sets the tag that a policy asks for opens any node to whoever has that policy.`,
      fix: 'take it away, or leave that key out: "ForAllValues:StringNotEquals": {"aws:TagKeys": ["KEY"]}',
    },
  ];
}

function runAsFindings(bench: PolicyBench): Finding[] {
  const situation: Situation = {
    mfa: 'fresh',
    keys: { 'aws:tagkeys': ['SSMSessionRunAs'], 'aws:requesttag/ssmsessionrunas': ['anybody'] },
  };
  const calls = [
    ['iam:TagUser', OWN_USER],
    ['iam:UntagUser', OWN_USER],
    ['iam:TagRole', ANY_ROLE],
    ['sts:TagSession', ANY_ROLE],
  ] as const;
  const allowed = calls.flatMap(([action, arn]) => {
    const allowance = bench.allows(action, arn, situation);
    return allowance === undefined ? [] : [{ action, ...allowance }];
  });
  if (allowed.length === 0) return [];
  const isCertain = allowed.some(({ certain }) => certain);
  return [
    {
      id: 'run-as',
      severity: isCertain ? 'high' : 'medium',
      title: 'The user of shells may be chosen',
      statements: refsOf(allowed.map(({ statement }) => statement)),
      why: `${allowed.map(({ action }) => action).join(', ')}: the tag SSMSessionRunAs says which user of the node a shell runs as, where Run As is enabled.`,
      fix: 'deny it: "ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": "SSMSessionRunAs"}',
    },
  ];
}

/** A person who sets the tags of their own user chooses what a policy by `aws:PrincipalTag` lets them. */
function principalTagFindings(bench: PolicyBench): Finding[] {
  const keys = bench.policy.statements.flatMap(({ resources, conditions }) => {
    const texts = [...resources, ...conditions.flatMap(({ key, values }) => [key, ...values])];
    return texts.flatMap((text) => [...text.matchAll(/aws:PrincipalTag\/([^},]+)/gi)]);
  });
  const names = [...new Set(keys.map(([, name = '']) => name.trim()))];
  const chosen = names.flatMap((name) => {
    const situation: Situation = {
      mfa: 'fresh',
      keys: {
        'aws:tagkeys': [name],
        [`aws:requesttag/${name.toLowerCase()}`]: ['anything'],
      },
    };
    const allowance =
      bench.allows('iam:TagUser', OWN_USER, situation) ??
      bench.allows('sts:TagSession', ANY_ROLE, situation);
    return allowance === undefined ? [] : [{ name, ...allowance }];
  });
  if (chosen.length === 0) return [];
  return [
    {
      id: 'principal-tag',
      severity: chosen.some(({ certain }) => certain) ? 'high' : 'medium',
      title: 'The own tags may be chosen, and the policy goes by them',
      statements: refsOf(chosen.map(({ statement }) => statement)),
      why: `aws:PrincipalTag/${chosen.map(({ name }) => name).join(', ')} is what the caller sets it to, with iam:TagUser or sts:TagSession.`,
      fix: 'deny it: "ForAnyValue:StringEquals": {"aws:TagKeys": ["KEY"]}',
    },
  ];
}

/** A stolen key that can enrol a device of its own passes MFA from then on. */
function secondDeviceFindings(bench: PolicyBench): Finding[] {
  if (bench.holder === 'role') return [];
  const enables = bench.allows('iam:EnableMFADevice', OWN_USER, { mfa: 'none' });
  const creates = bench.allows('iam:CreateVirtualMFADevice', 'arn:P:iam::A:mfa/second-device', {
    mfa: 'none',
  });
  if (enables === undefined || creates === undefined) return [];
  return [
    {
      id: 'second-device',
      severity: enables.certain && creates.certain ? 'high' : 'medium',
      title: 'A second MFA device without MFA',
      statements: refsOf([enables.statement, creates.statement]),
      why: 'A user may have eight devices. Whoever finds a key makes one of any name, enrols it, and passes every MFA condition.',
      fix: 'allow iam:CreateVirtualMFADevice on arn:PARTITION:iam::ACCOUNT:mfa/${aws:username} alone: that name is taken by the first device',
    },
  ];
}

function pushedKeyFindings(bench: PolicyBench): Finding[] {
  const action = 'ec2-instance-connect:SendSSHPublicKey';
  const root = bench.allows(action, bench.nodes, {
    mfa: 'fresh',
    keys: { 'ec2:osuser': ['root'] },
  });
  if (root === undefined) return [];
  return [
    {
      id: 'pushed-keys',
      severity: root.certain ? 'medium' : 'low',
      title: 'SSH keys for any user of an instance',
      statements: [refOf(root.statement)],
      why: `${action} is not narrowed to a user: where sshd lets root in, or another who may sudo, that is root.`,
      fix: '"StringEquals": {"ec2:osuser": "USER"}',
    },
  ];
}
