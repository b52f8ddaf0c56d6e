import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { callerPolicy } from '../../../src/iam/generated-policy.ts';
import { FEATURES } from '../../../src/iam/policy/features.ts';
import { isSevere, reviewPolicy } from '../../../src/iam/review/review.ts';
import type { PolicyReview, ReviewWords } from '../../../src/iam/review/review.ts';
import { reviewLines } from '../../../src/iam/review/review-lines.ts';

const WORDS: ReviewWords = {
  account: undefined,
  regions: [],
  kind: 'user',
  name: 'devaccess',
  features: [],
  documents: [],
  tags: [],
  targets: [],
  kmsKeys: [],
  osUser: undefined,
  trusted: [],
  mfaAgeS: 43_200,
  strict: false,
};
const CLASSIC = readFileSync(
  new URL('../../vectors/iam/classic-policy.json', import.meta.url),
  'utf8',
);

function review(policy: unknown, words: Partial<ReviewWords> = {}): PolicyReview {
  const text = typeof policy === 'string' ? policy : JSON.stringify(policy);
  return reviewPolicy(text, 'policy.json', { ...WORDS, ...words });
}

function found(result: PolicyReview): string[] {
  return result.findings.map(({ severity, id, statements }) =>
    [severity, id, ...statements.map(({ statement }) => statement)].join(' '),
  );
}

/** A policy of one statement, or of several. */
function policyOf(...statements: object[]): object {
  return { Version: '2012-10-17', Statement: statements };
}

const NODE = 'arn:aws:ec2:us-east-1:123456789012:instance/*';
const SSH = 'arn:aws:ssm:us-east-1::document/AWS-StartSSHSession';
const MFA = {
  Bool: { 'aws:MultiFactorAuthPresent': 'true' },
  NumericLessThan: { 'aws:MultiFactorAuthAge': '43200' },
};
const CHECK = { BoolIfExists: { 'ssm:SessionDocumentAccessCheck': 'true' } };
const TAG = { StringEquals: { 'ssm:resourceTag/team': ['a'] } };

function allow(action: string | string[], resource: string | string[], condition?: object): object {
  return {
    Effect: 'Allow',
    Action: action,
    Resource: resource,
    ...(condition === undefined ? {} : { Condition: condition }),
  };
}

function deny(action: string | string[], resource: string, condition?: object): object {
  return { ...allow(action, resource, condition), Effect: 'Deny' };
}

/** StartSession as it should be. */
const START = [
  allow('ssm:StartSession', NODE, { ...TAG, ...MFA, ...CHECK }),
  allow('ssm:StartSession', SSH, { Bool: MFA.Bool, ...CHECK }),
];

describe('the classic how-to', () => {
  const result = review(CLASSIC);

  it('lets people change what sessions do for all, and opens shells', () => {
    expect(found(result)).toEqual([
      'critical session-preferences 3',
      'high shell-bypass 1',
      'medium send-command-latent 1',
      'medium all-nodes 1',
      'low mfa-age 1',
      'low no-hybrid-nodes 1',
      'low region-mix 1',
      'low name-prefix 4',
    ]);
    expect(isSevere(result)).toBe(true);
    expect(result.findings[0]?.why).toContain('Not even MFA');
  });

  it('lacks ports, streams and resuming', () => {
    expect(result.lacks.flatMap(({ missing }) => missing)).toEqual([
      'ssm:StartSession on AWS-StartPortForwardingSession',
      'ssmmessages:OpenDataChannel on own sessions',
      'ssm:ResumeSession on own sessions',
    ]);
    expect(result.notNeeded).toContain('ssm:SendCommand');
  });

  it('cannot end sessions of a role', () => {
    const ofRole = review(CLASSIC, { kind: 'role' });
    expect(found(ofRole)).toContain('medium username-in-role 4');
    expect(found(ofRole)).toContain('medium mfa-in-role 1');
    expect(ofRole.lacks.flatMap(({ missing }) => missing)).toContain(
      'ssm:TerminateSession on own sessions',
    );
  });
});

describe('the policies that devaccess makes', () => {
  const words = { ...WORDS, account: '123456789012', regions: ['us-east-1'], tags: ['team=a'] };

  it.each([
    ['the usual one', {}, ['low name-prefix 5']],
    ['the strict one', { strict: true }, []],
    ['one of a role', { kind: 'role' as const }, []],
    ['one of China', { regions: ['cn-north-1'], strict: true }, []],
    ['one with shells', { features: ['ssh', 'shell', 'run'] as const, strict: true }, []],
    [
      'one for other hosts',
      { features: ['remote-host'] as const, strict: true },
      ['medium remote-host 2'],
    ],
    [
      'one for Run Command',
      { features: ['run-command'] as const, strict: true },
      ['medium send-command 1 2'],
    ],
    [
      'one of keys and devices',
      { features: ['rotate-keys', 'enroll-mfa'] as const, strict: true },
      [],
    ],
  ])('%s lacks nothing, and lets through what was asked for', (_, more, findings) => {
    const asked = { ...words, ...more };
    const { policies } = callerPolicy(asked);
    const result = review(policies[0], asked);
    expect(found(result)).toEqual(findings);
    expect(result.lacks).toEqual([]);
    expect(result.notNeeded).toEqual([]);
  });

  it.each([
    // Alone, as some nodes are in reach of its commands, too.
    ['nodes rotate', ['rotate-nodes'] as const],
    ['all others', FEATURES.filter((each) => each !== 'rotate-nodes')],
  ])('of %s lack what is taken away from them, statement by statement', (_, features) => {
    const kmsKeys = ['arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'];
    const nodeRoles = ['arn:aws:iam::123456789012:role/shop'];
    const asked = { ...words, features, kmsKeys, nodeRoles, strict: true };
    const [policy] = callerPolicy(asked).policies;
    for (const [at, { Sid, Effect }] of policy!.Statement.entries()) {
      const rest = { ...policy, Statement: policy!.Statement.filter((_, index) => index !== at) };
      const missing = review(rest, asked).lacks.map(({ statement }) => statement.Sid);
      expect(missing, Sid).toEqual(Effect === 'Deny' || Sid === 'HybridTags' ? [] : [Sid]);
    }
  });

  it('are compared for the region that is asked for', () => {
    const { policies } = callerPolicy(words);
    const result = review(policies[0], { ...words, regions: ['eu-central-1'] });
    expect(result.lacks.map(({ statement }) => statement.Sid)).toContain('SessionDocuments');
  });
});

describe('sessions', () => {
  it.each<[string, object[], string[]]>([
    ['as they should be', START, []],
    [
      'without MFA',
      [allow('ssm:StartSession', [NODE, SSH], { ...TAG, ...CHECK })],
      ['high no-mfa 1', 'medium tag-on-document 1'],
    ],
    [
      'with BoolIfExists for MFA in an Allow',
      [
        allow('ssm:StartSession', NODE, {
          ...TAG,
          BoolIfExists: { ...CHECK.BoolIfExists, 'aws:MultiFactorAuthPresent': 'true' },
        }),
      ],
      ['high no-mfa 1'],
    ],
    [
      'with a Deny that long-term keys pass',
      [
        allow('ssm:StartSession', NODE, { ...TAG, ...CHECK }),
        deny('ssm:*', '*', { Bool: { 'aws:MultiFactorAuthPresent': 'false' } }),
      ],
      ['high no-mfa 1'],
    ],
    [
      'with a Deny that they do not pass',
      [
        allow('ssm:StartSession', NODE, { ...TAG, ...CHECK }),
        deny('*', '*', { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } }),
      ],
      ['low mfa-age 1'],
    ],
    [
      'with Denies that ask for a fresh code',
      [
        allow('ssm:StartSession', NODE, { ...TAG, ...CHECK }),
        deny('*', '*', { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } }),
        deny('*', '*', { NumericGreaterThanIfExists: { 'aws:MultiFactorAuthAge': '43200' } }),
      ],
      [],
    ],
    [
      'on nodes without the tag',
      [
        allow('ssm:StartSession', NODE, {
          StringEqualsIfExists: { 'ssm:resourceTag/team': ['a'] },
          ...MFA,
          ...CHECK,
        }),
      ],
      ['medium all-nodes 1'],
    ],
    [
      'on a node that is named',
      [
        allow('ssm:StartSession', NODE.replace('*', 'i-0123456789abcdef0'), { ...MFA, ...CHECK }),
        allow('ssm:StartSession', SSH, { Bool: MFA.Bool, ...CHECK }),
      ],
      [],
    ],
    [
      'with a check that is switched off',
      [
        allow('ssm:StartSession', NODE, {
          ...TAG,
          ...MFA,
          BoolIfExists: { 'ssm:SessionDocumentAccessCheck': 'false' },
        }),
      ],
      ['high shell-bypass 1'],
    ],
    [
      'with a check that refuses what is listed',
      [
        allow('ssm:StartSession', NODE, {
          ...TAG,
          NumericLessThan: MFA.NumericLessThan,
          Bool: { ...MFA.Bool, 'ssm:SessionDocumentAccessCheck': 'true' },
        }),
      ],
      ['medium check-operator 1'],
    ],
    [
      'with a check that lacks on one of two statements',
      [...START, allow('ssm:StartSession', NODE, { ...TAG, ...MFA })],
      ['high shell-bypass 3'],
    ],
    [
      'with the shell document listed, where the default is no bypass',
      [
        allow('ssm:StartSession', NODE, { ...TAG, ...MFA }),
        allow(
          'ssm:StartSession',
          'arn:aws:ssm:us-east-1:123456789012:document/SSM-SessionManagerRunShell',
          MFA,
        ),
      ],
      [],
    ],
    [
      'with any document',
      [...START, allow('ssm:StartSession', 'arn:aws:ssm:*:*:document/*', MFA)],
      ['high any-document 3', 'low region-mix 1 2 3'],
    ],
    [
      'on whatever there is',
      [allow('ssm:StartSession', '*', MFA)],
      ['high any-document 1', 'medium all-nodes 1'],
    ],
    [
      'with other hosts',
      [
        ...START,
        allow(
          'ssm:StartSession',
          SSH.replace('SSHSession', 'PortForwardingSessionToRemoteHost'),
          MFA,
        ),
      ],
      ['medium remote-host 3'],
    ],
    [
      'from one network only, which nobody here can judge',
      [
        allow('ssm:StartSession', NODE, {
          ...TAG,
          ...CHECK,
          IpAddress: { 'aws:SourceIp': '192.0.2.0/24' },
        }),
      ],
      ['medium no-mfa 1'],
    ],
  ])('%s', (_, statements, findings) => {
    const own = found(review(policyOf(...statements)));
    const ofOther = (text: string): boolean => !text.includes('no-hybrid-nodes');
    expect(own.filter(ofOther)).toEqual(findings);
  });

  it('may be taken over or ended where ownership is not asked for', () => {
    const all = 'arn:aws:ssm:us-east-1:123456789012:session/*';
    expect(
      found(review(policyOf(allow(['ssm:ResumeSession', 'ssm:TerminateSession'], all)))),
    ).toEqual(['high other-sessions 1', 'medium other-sessions-ended 1']);
    const own = { StringLike: { 'ssm:resourceTag/aws:ssmmessages:session-id': ['${aws:userid}'] } };
    expect(found(review(policyOf(allow('ssm:*Session', all, own))))).toEqual([]);
    const wild = { StringLike: { 'ssm:resourceTag/aws:ssmmessages:session-id': ['*'] } };
    expect(found(review(policyOf(allow('ssm:ResumeSession', all, wild))))).toEqual([
      'high other-sessions 1',
    ]);
  });
});

describe('escalation', () => {
  const user = 'arn:aws:iam::123456789012:user/';

  it.each<[string, object[], string[]]>([
    [
      'an administrator',
      [allow('*', '*')],
      [
        'critical everything 1',
        'high no-mfa 1',
        'high any-document 1',
        'high other-sessions 1',
        'medium all-nodes 1',
        'medium other-sessions-ended 1',
        'medium all-actions 1',
      ],
    ],
    ['roles to pass', [allow('iam:PassRole', '*')], ['high pass-role 1']],
    [
      'roles to pass to what runs',
      [allow(['iam:PassRole', 'ec2:RunInstances'], '*')],
      ['critical pass-role 1'],
    ],
    ['one role to pass', [allow('iam:PassRole', 'arn:aws:iam::123456789012:role/one')], []],
    ['policies to write', [allow('iam:Put*Policy', '*')], ['critical iam-write 1']],
    [
      'the own policies to write',
      [allow('iam:AttachUserPolicy', `${user}\${aws:username}`)],
      ['critical iam-write 1'],
    ],
    [
      'keys of others',
      [allow('iam:CreateAccessKey', `${user}*`, MFA)],
      ['critical credentials-of-others 1'],
    ],
    [
      'own keys without MFA',
      [allow('iam:*AccessKey*', `${user}\${aws:username}`)],
      ['high keys-without-mfa 1'],
    ],
    ['own keys with MFA', [allow('iam:*AccessKey*', `${user}\${aws:username}`, MFA)], []],
    [
      'devices of any name without MFA',
      [
        allow('iam:EnableMFADevice', `${user}\${aws:username}`),
        allow('iam:CreateVirtualMFADevice', 'arn:aws:iam::123456789012:mfa/*'),
      ],
      ['high second-device 1 2'],
    ],
    [
      'a device that may be taken away without MFA',
      [allow('iam:DeactivateMFADevice', `${user}\${aws:username}`)],
      ['high device-removal 1'],
    ],
    ['any role to assume', [allow('sts:AssumeRole', '*')], ['high assume-any-role 1']],
    ['one role to assume', [allow('sts:AssumeRole', 'arn:aws:iam::123456789012:role/one')], []],
    ['the own tags', [allow('iam:TagUser', `${user}\${aws:username}`)], ['high run-as 1']],
    [
      'the own tags but the one of Run As',
      [
        allow('iam:TagUser', `${user}\${aws:username}`),
        deny('iam:TagUser', '*', {
          'ForAnyValue:StringEqualsIgnoreCase': { 'aws:TagKeys': 'SSMSessionRunAs' },
        }),
      ],
      [],
    ],
    ['tags of sessions', [allow('sts:TagSession', '*')], ['high run-as 1']],
    ['tags of nodes', [allow('ec2:CreateTags', '*')], ['medium node-tagging 1']],
    [
      'tags of nodes that a tag narrows',
      [...START, allow('ec2:CreateTags', 'arn:aws:ec2:*:*:instance/*')],
      ['high node-tagging 3', 'low no-hybrid-nodes 1 2'],
    ],
    ['documents', [allow('ssm:UpdateDocument', 'arn:aws:ssm:*:*:document/Team-*')], []],
    [
      'all documents',
      [allow('ssm:*Document', '*')],
      ['critical session-preferences 1', 'high document-change 1'],
    ],
    [
      'all documents, with the guard',
      [
        allow('ssm:*Document', '*'),
        deny(
          ['ssm:CreateDocument', 'ssm:UpdateDocument', 'ssm:DeleteDocument'],
          'arn:aws:ssm:*:*:document/SSM-SessionManagerRunShell',
        ),
      ],
      ['high document-change 1'],
    ],
    ['associations', [allow('ssm:CreateAssociation', '*')], ['high root-by-systems-manager 1']],
    ['automations', [allow('ssm:StartA*', '*')], ['high root-by-systems-manager 1']],
    ['user data', [allow('ec2:ModifyInstanceAttribute', '*')], ['high instance-takeover 1']],
    [
      'the calls of an agent',
      [allow('ssmmessages:*', '*')],
      ['medium agent-impersonation 1', 'medium all-actions 1'],
    ],
    ['parameters', [allow('ssm:GetParameter*', '*')], ['medium secrets 1']],
    [
      'keys for any user',
      [allow('ec2-instance-connect:SendSSHPublicKey', NODE, MFA)],
      ['medium pushed-keys 1'],
    ],
    ['commands with any document', [allow('ssm:SendCommand', '*', MFA)], ['high send-command 1']],
    [
      'commands on every node',
      [allow('ssm:SendCommand', [NODE, 'arn:aws:ssm:us-east-1::document/AWS-RunShellScript'], MFA)],
      ['high send-command 1'],
    ],
    [
      'commands on nodes with a tag',
      [
        allow('ssm:SendCommand', NODE, { ...TAG, ...MFA }),
        allow('ssm:SendCommand', 'arn:aws:ssm:us-east-1::document/AWS-RunShellScript', MFA),
      ],
      ['medium send-command 1 2'],
    ],
    [
      'commands whose document has an account, so that none is sent',
      [
        allow('ssm:SendCommand', NODE, { ...TAG, ...MFA }),
        allow(
          'ssm:SendCommand',
          'arn:aws:ssm:us-east-1:123456789012:document/AWS-RunShellScript',
          MFA,
        ),
      ],
      ['medium send-command-latent 1', 'medium document-account 2'],
    ],
    [
      'what is not listed',
      [{ Effect: 'Allow', NotAction: 'iam:*', Resource: '*', Condition: MFA }],
      [
        'critical everything 1',
        'high any-document 1',
        'high other-sessions 1',
        'high not-action 1',
        'medium all-nodes 1',
        'medium other-sessions-ended 1',
      ],
    ],
    [
      'where it is not',
      [{ Effect: 'Allow', Action: 's3:GetObject', NotResource: 'arn:aws:s3:::private/*' }],
      ['high not-resource 1'],
    ],
    ['what a Deny takes back', [allow('ssm:SendCommand', '*'), deny('ssm:SendCommand', '*')], []],
    [
      'what a Deny takes back where nobody knows',
      [
        allow('iam:PassRole', '*'),
        deny('iam:PassRole', '*', { StringEquals: { 'aws:PrincipalTag/team': 'a' } }),
      ],
      ['medium pass-role 1'],
    ],
  ])('%s', (_, statements, findings) => {
    expect(found(review(policyOf(...statements)))).toEqual(findings);
  });
});

describe('tags in conditions', () => {
  const all = review(
    policyOf(allow('ssm:*', '*', { StringEquals: { 'aws:ResourceTag/team': 'a' } })),
  );

  it('let nothing through that has no tags, and perhaps what may have some', () => {
    const missing = all.lacks.flatMap((lack) => lack.missing);
    // Documents of AWS, sessions and lists have no tags of the account.
    expect(missing).toEqual([
      'ssm:StartSession on AWS-StartSSHSession',
      'ssm:StartSession on AWS-StartPortForwardingSession',
      'ssmmessages:OpenDataChannel on own sessions',
      'ssm:ResumeSession on own sessions',
      'ssm:TerminateSession on own sessions',
      'ec2:DescribeInstances',
      'ssm:DescribeInstanceInformation',
      'ssm:DescribeSessions',
    ]);
    expect(found(all)).toContain('high session-preferences 1');
    expect(found(all).join()).not.toContain('other-sessions');
  });

  it('may be chosen by who goes by them', () => {
    const own = { StringEquals: { 'ssm:resourceTag/team': '${aws:PrincipalTag/team}' } };
    const user = 'arn:aws:iam::123456789012:user/${aws:username}';
    const start = allow('ssm:StartSession', NODE, { ...own, ...MFA, ...CHECK });
    expect(found(review(policyOf(start)))).not.toContain('high principal-tag 1');
    expect(found(review(policyOf(start, allow('iam:TagUser', user))))).toContain(
      'high principal-tag 2',
    );
    const other = { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['colour'] } };
    const harmless = review(policyOf(start, allow('iam:TagUser', user, other)));
    expect(found(harmless).join()).not.toContain('principal-tag');
  });
});

describe('a policy that allows nearly all', () => {
  const NO_MFA = { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } };
  const but = (NotAction: string[]) => ({
    Effect: 'Deny',
    NotAction,
    Resource: '*',
    Condition: NO_MFA,
  });

  it('with MFA, and a second device without', () => {
    const enrol = ['iam:CreateVirtualMFADevice', 'iam:EnableMFADevice', 'sts:GetSessionToken'];
    const open = found(review(policyOf(allow('*', '*'), but(enrol))));
    expect(open).toContain('high second-device 1');
    expect(open.join()).not.toContain('no-mfa');
    expect(found(review(policyOf(allow('*', '*'), but([])))).join()).not.toContain('second-device');
    expect(
      found(review(policyOf(allow('*', '*'), but([...enrol, 'iam:Deactivate*'])))).join(),
    ).toContain('device-removal');
  });

  it('says what NotAction leaves out', () => {
    const [power] = review(
      policyOf({ Effect: 'Allow', NotAction: ['iam:*'], Resource: '*' }),
    ).findings;
    expect([power?.title, power?.why.includes('IAM')]).toEqual([
      'Nearly everything is allowed',
      false,
    ]);
  });
});

describe('Run Command', () => {
  it.each([
    ['AWS-RunRemoteScript', ''],
    ['Deploy', '123456789012'],
  ])('with %s is no use that waits for a document', (name, account) => {
    const arn = `arn:aws:ssm:us-east-1:${account}:document/${name}`;
    const result = review(policyOf(allow('ssm:SendCommand', [NODE, arn], MFA)));
    expect(found(result)).toContain('high send-command 1');
    expect(result.findings[0]?.why).toContain(name);
  });
});

it('a session is refused by SessionDocumentAccessCheck without IfExists', () => {
  const strict = { Bool: { ...MFA.Bool, 'ssm:SessionDocumentAccessCheck': 'true' } };
  const result = review(policyOf(allow('ssm:StartSession', [NODE, SSH], strict)));
  expect(found(result)).toContain('medium check-operator 1');
  expect(result.lacks.flatMap(({ missing }) => missing)).toContain(
    'ssm:StartSession on AWS-StartSSHSession',
  );
});

describe('form', () => {
  it.each<[string, unknown, string[]]>([
    ['no Version', { Statement: [allow('s3:GetObject', 'arn:aws:s3:::a')] }, ['low old-version']],
    [
      'variables in the language of 2008',
      { Version: '2008-10-17', Statement: allow('s3:GetObject', 'arn:aws:s3:::a/${aws:username}') },
      ['high old-version 1'],
    ],
    [
      'ForAllValues, which holds where there is nothing',
      policyOf(
        allow('s3:GetObject', 'arn:aws:s3:::a', {
          'ForAllValues:StringEquals': { 'aws:PrincipalServiceNamesList': ['x'] },
        }),
      ),
      ['medium for-all-values 1'],
    ],
    [
      'two partitions',
      policyOf(allow('s3:GetObject', ['arn:aws:s3:::a', 'arn:aws-cn:s3:::a'])),
      ['medium partition-mix 1'],
    ],
    [
      'an own document without account',
      policyOf(
        allow('ssm:GetDocument', 'arn:aws:ssm:us-east-1::document/SSM-SessionManagerRunShell'),
      ),
      ['medium document-account 1'],
    ],
    [
      'an operator that is none',
      policyOf(allow('s3:GetObject', '*', { StringMatches: { 'aws:userid': 'x' } })),
      ['high invalid 1'],
    ],
    [
      'Null with IfExists',
      policyOf(allow('s3:GetObject', '*', { NullIfExists: { 'aws:userid': 'true' } })),
      ['high invalid 1'],
    ],
    [
      'a Principal',
      policyOf({ ...allow('s3:GetObject', '*'), Principal: '*' }),
      ['high invalid 1'],
    ],
    [
      'an effect in lower case',
      policyOf({ ...allow('s3:GetObject', '*'), Effect: 'allow' }),
      ['high invalid 1'],
    ],
    [
      'both Action and NotAction',
      policyOf({ ...allow('s3:GetObject', '*'), NotAction: 'iam:*' }),
      ['high invalid 1'],
    ],
    ['an action without service', policyOf(allow('StartSession', '*')), ['high invalid 1']],
    ['no ARN', policyOf(allow('s3:GetObject', 'my-bucket')), ['high invalid 1']],
    ['an ARN that ends early', policyOf(allow('s3:GetObject', 'arn:aws:s3::*:')), []],
    [
      'a Sid with a blank',
      policyOf({ ...allow('s3:GetObject', '*'), Sid: 'My Sid' }),
      ['high invalid 1'],
    ],
    [
      'a Sid twice',
      policyOf(
        { ...allow('s3:GetObject', '*'), Sid: 'A' },
        { ...allow('s3:PutObject', '*'), Sid: 'A' },
      ),
      ['high invalid 2'],
    ],
    [
      'an element that is none',
      policyOf({ ...allow('s3:GetObject', '*'), Conditions: {} }),
      ['high invalid 1'],
    ],
  ])('%s', (_, policy, findings) => {
    expect(found(review(policy))).toEqual(findings);
  });

  it('finds keys that are given twice, of which readers take one or the other', () => {
    const text = `{"Version": "2012-10-17", "Statement": [{
      "Effect": "Allow", "Action": "iam:*", "Action": "s3:GetObject",
      "Resource": "*"}]}`;
    const { findings } = review(text);
    expect(findings).toMatchObject([{ id: 'invalid', severity: 'high' }]);
    expect(findings[0]?.why).toBe('"Action" is given twice in one object (line 2).');
  });

  it('reads what the AWS CLI prints around a policy', () => {
    const Document = policyOf(allow('iam:PassRole', '*'));
    for (const around of [{ PolicyVersion: { Document } }, { PolicyDocument: Document }]) {
      expect(found(review(around))).toEqual(['high pass-role 1']);
    }
  });

  it('takes actions in any case, and single values for lists', () => {
    expect(found(review(policyOf(allow('SSM:startsession', '*', MFA))))).toContain(
      'high any-document 1',
    );
  });

  it.each([
    ['no JSON', '{"Version": "2012-10-17",\n "Statement" 1}', /not JSON \(line 2\)/],
    ['no policy', '{"Users": []}', /holds no policy/],
    ['a list', '[]', /holds no policy/],
    ['something huge', `"${'x'.repeat(300_000)}"`, /longer than any policy/],
  ])('%s is refused', (_, text, message) => {
    expect(() => review(text)).toThrow(message);
    expect(() => review(text)).toThrow(expect.objectContaining({ code: 'DA_POLICY_INVALID' }));
  });

  it('shows names of the policy without what could steer a terminal', () => {
    const policy = policyOf({ ...allow('iam:PassRole', '*'), Sid: 'a\u001b[2Jb' });
    expect(reviewLines(review(policy)).join('\n')).not.toContain('\u001b');
  });

  it('ends with policies made to take long', () => {
    const pattern = `arn:aws:ssm:*:*:document/${'*a'.repeat(2_000)}`;
    const statements = Array.from({ length: 40 }, () => allow('ssm:*', pattern));
    expect(review(policyOf(...statements)).counts.critical).toBe(0);
  });
});
