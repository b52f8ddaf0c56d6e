import { describe, expect, it } from 'vitest';
import {
  MalformedPolicy,
  parsePolicy,
} from '../../../../src/sandbox/iam-policy/policy-document.ts';

const statement = (more: object = {}) => ({
  Effect: 'Allow',
  Action: 'ssm:StartSession',
  Resource: '*',
  ...more,
});
const document = (...statements: unknown[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

describe('policy documents', () => {
  it('take one statement or a list, one text or a list, and no version', () => {
    const text = JSON.stringify({ Statement: statement({ Action: ['a:*', 'b:C'] }) });
    expect(parsePolicy(text).statements).toMatchObject([{ effect: 'Allow' }]);
    expect(parsePolicy(document(statement(), statement())).statements).toHaveLength(2);
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{"Version"', /invalid Json/],
    ['no object', '[]', /Syntax errors/],
    ['no statement', '{"Version":"2012-10-17"}', /Syntax errors/],
    ['an empty list', '{"Version":"2012-10-17","Statement":[]}', /Syntax errors/],
    ['a foreign member', '{"Version":"2012-10-17","Statement":[],"Note":1}', /Syntax errors/],
    ['another version', '{"Version":"2020-01-01","Statement":[]}', /2012-10-17 or greater/],
    ['an unknown effect', document(statement({ Effect: 'allow' })), /Syntax errors/],
    ['a foreign member of a statement', document(statement({ Actions: '*' })), /Syntax errors/],
    ['no action', document(statement({ Action: [] })), /must contain actions/],
    ['both actions', document(statement({ NotAction: 'a:B' })), /Syntax errors/],
    ['an action without service', document(statement({ Action: 'Start' })), /prefaced by a vendor/],
    ['two colons', document(statement({ Action: 'a:b:c' })), /only one colon/],
    ['no service', document(statement({ Action: ':b' })), /Vendor {2}is not valid/],
    ['no resource', document({ Effect: 'Allow', Action: '*' }), /must contain resources/],
    ['a bare resource', document(statement({ Resource: 'i-1' })), /ARN format or "\*"/],
    ['no partition', document(statement({ Resource: 'arn:x:ec2:::i' })), /Partition "x"/],
    ['a number for a resource', document(statement({ Resource: 7 })), /Syntax errors/],
    ['a principal', document(statement({ Principal: '*' })), /should not specify a principal/],
    ['a strange id', document(statement({ Sid: 'a-b' })), /must be alpha-numeric/],
    [
      'an id twice',
      document(statement({ Sid: 'A' }), statement({ Sid: 'A' })),
      /\(SID\) in a single policy must be unique/,
    ],
    [
      'an unknown operator',
      document(statement({ Condition: { StringIs: { 'aws:userid': 'x' } } })),
      /Invalid Condition type : StringIs/,
    ],
    [
      'a key without service',
      document(statement({ Condition: { Bool: { mfa: 'true' } } })),
      /prefaced by a vendor/,
    ],
    [
      'an object for a value',
      document(statement({ Condition: { Bool: { 'a:b': {} } } })),
      /Syntax errors/,
    ],
  ])('with %s are malformed', (_what, text, message) => {
    expect(() => parsePolicy(text)).toThrow(MalformedPolicy);
    expect(() => parsePolicy(text)).toThrow(message);
  });

  const trust = (Principal: unknown, more: object = {}): string =>
    document({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', ...more });

  it('of roles name principals and no resources', () => {
    const user = 'arn:aws:iam::123456789012:user/alice';
    const { statements } = parsePolicy(trust({ AWS: [user, '123456789012'] }), 'trust');
    expect(statements[0]!.principals).toEqual({
      anyone: false,
      aws: [user, '123456789012'],
      services: [],
    });
    const ofService = parsePolicy(trust({ Service: 'ec2.amazonaws.com' }), 'trust');
    expect(ofService.statements[0]!.principals!.services).toEqual(['ec2.amazonaws.com']);
    expect(parsePolicy(trust('*'), 'trust').statements[0]!.principals!.anyone).toBe(true);
    expect(() => parsePolicy(document(statement()), 'trust')).toThrow(/prohibited field/);
    expect(() => parsePolicy(trust(undefined), 'trust')).toThrow(/must contain principals/);
    expect(() => parsePolicy(trust({ AWS: 'alice' }), 'trust')).toThrow(/Invalid principal/);
    expect(() => parsePolicy(trust({ AWS: `${user.slice(0, -5)}*` }), 'trust')).toThrow(
      /Invalid principal/,
    );
  });

  it('are not confused by names every object has', () => {
    expect(() => parsePolicy('{"__proto__":{"Statement":[]}}')).toThrow(MalformedPolicy);
    const text = '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","__proto__":{}}}';
    expect(() => parsePolicy(text)).toThrow(MalformedPolicy);
  });

  it('tell where each statement stands', () => {
    const text =
      '{\n  "Id": "a \\"Statement\\": [{",\n  "Statement": [\n' +
      '    {"Effect":"Allow","Action":"a:b","Resource":"*"},\n' +
      '    {\n      "Effect":"Deny","Action":"a:b","Resource":"arn:aws:s3:::{"\n    }\n  ]\n}';
    const spans = parsePolicy(text).statements.map(({ span }) => span);
    expect(spans).toEqual([
      { start: { line: 4, column: 5 }, end: { line: 4, column: 53 } },
      { start: { line: 5, column: 5 }, end: { line: 7, column: 6 } },
    ]);
  });
});
