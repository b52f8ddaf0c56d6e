import { describe, expect, it } from 'vitest';
import { untilConsistent } from '../../../src/aws/iam-calls.ts';
import { iamError } from '../../../src/aws/iam-errors.ts';
import { userOf } from '../../../src/credentials/own-user/user-access.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

/** As the SDK throws one that a service has answered with. */
function answer(name: string, message = 'words of AWS'): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } });
}
const CONTEXT = { operation: 'CreateAccessKey', profile: 'prod', feature: 'rotate-keys' };
const WHO = 'User: arn:aws:iam::123456789012:user/a is not authorized to perform: ';

describe('an error of IAM', () => {
  it.each([
    ['LimitExceededException', 'DA_IAM_LIMIT'],
    ['LimitExceeded', 'DA_IAM_LIMIT'],
    ['EntityAlreadyExistsException', 'DA_IAM_EXISTS'],
    ['NoSuchEntityException', 'DA_IAM_NOT_FOUND'],
    ['DeleteConflictException', 'DA_IAM_IN_USE'],
    ['EntityTemporarilyUnmodifiableException', 'DA_IAM_BUSY'],
    ['ConcurrentModificationException', 'DA_IAM_BUSY'],
    ['InvalidAuthenticationCodeException', 'DA_MFA_CODE_REFUSED'],
    ['Throttling', 'DA_THROTTLED'],
    ['ExpiredToken', 'DA_CREDENTIALS_EXPIRED'],
  ])('%s is %s', (name, code) => {
    expect(iamError(answer(name), CONTEXT)).toMatchObject({ code });
  });

  it('tells the missing permission, and where it comes from', () => {
    const resource = 'arn:aws:iam::123456789012:user/a';
    const text = `${WHO}iam:CreateAccessKey on resource: ${resource} because no identity-based policy allows the iam:CreateAccessKey action`;
    expect(iamError(answer('AccessDenied', text), CONTEXT)).toMatchObject({
      code: 'DA_ACCESS_DENIED',
      message: `Profile prod may not do this: iam:CreateAccessKey on ${resource} is not allowed`,
      next: 'add the statement of devaccess iam policy --for rotate-keys; where a policy asks for MFA, devaccess mfa --profile prod first',
    });
    const denied = text.replace(/because.*/, 'with an explicit deny in an identity-based policy');
    expect(iamError(answer('AccessDenied', denied), CONTEXT)).toMatchObject({
      message: expect.stringMatching(/is denied by a policy$/) as unknown,
    });
    const other = iamError(answer('AccessDenied', 'no'), CONTEXT);
    expect(other).toMatchObject({ code: 'DA_ACCESS_DENIED' });
  });
});

describe('a call of what was changed a moment ago', () => {
  const missing = new DevaccessError('DA_IAM_NOT_FOUND', 'not there yet');

  it('is made again for half a minute, and no longer', async () => {
    const waits: number[] = [];
    const wait = (ms: number) => Promise.resolve(waits.push(ms));
    const never = () => Promise.reject(missing);
    await expect(untilConsistent(never, ['DA_IAM_NOT_FOUND'], wait)).rejects.toBe(missing);
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBe(30_500);
    let tries = 0;
    const soon = () => ((tries += 1) < 3 ? Promise.reject(missing) : Promise.resolve('there'));
    expect(await untilConsistent(soon, ['DA_IAM_NOT_FOUND'], wait)).toBe('there');
  });

  it('is not made again for anything else', async () => {
    const wait = () => Promise.reject(new Error('waited'));
    const never = () => Promise.reject(missing);
    await expect(untilConsistent(never, ['DA_IAM_BUSY'], wait)).rejects.toBe(missing);
  });
});

describe('the user that STS names', () => {
  it('has a name without its path', () => {
    expect(userOf('arn:aws-cn:iam::123456789012:user/dev/ops/al+ice')).toMatchObject({
      partition: 'aws-cn',
      account: '123456789012',
      name: 'al+ice',
    });
  });

  it.each(['arn:aws:iam::123456789012:root', 'arn:aws:sts::123456789012:assumed-role/r/s', ''])(
    'is none: %s',
    (arn) => {
      expect(() => userOf(arn)).toThrow(expect.objectContaining({ code: 'DA_NOT_A_USER' }));
    },
  );
});
