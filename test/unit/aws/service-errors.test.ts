import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createStsClient } from '../../../src/aws/sts-client.ts';
import { chooseRegion, chooseStsRegion } from '../../../src/aws/region.ts';
import { serviceError } from '../../../src/aws/service-errors.ts';
import { DevaccessError, errorLine } from '../../../src/platform/errors.ts';

const context = { service: 'SSM', operation: 'StartSession', profile: 'work' };

function awsError(name: string, message = ''): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } });
}
function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

describe('serviceError', () => {
  it.each<[string, number, Error]>([
    ['DA_CREDENTIALS_EXPIRED', 3, awsError('ExpiredTokenException')],
    ['DA_CREDENTIALS_EXPIRED', 3, awsError('ExpiredToken')],
    ['DA_CREDENTIALS_EXPIRED', 3, awsError('RequestExpired')],
    ['DA_NO_CREDENTIALS', 3, awsError('CredentialsProviderError')],
    ['DA_CREDENTIALS_INVALID', 1, awsError('InvalidClientTokenId')],
    ['DA_CREDENTIALS_INVALID', 1, awsError('UnrecognizedClientException')],
    ['DA_CREDENTIALS_INVALID', 1, awsError('AuthFailure')],
    ['DA_CREDENTIALS_INVALID', 1, awsError('SignatureDoesNotMatch', 'does not match')],
    ['DA_CLOCK_SKEW', 1, awsError('SignatureDoesNotMatch', 'Signature expired: 2020 is now')],
    ['DA_CLOCK_SKEW', 1, awsError('InvalidSignatureException', 'Signature not yet current: x')],
    ['DA_CLOCK_SKEW', 1, awsError('RequestTimeTooSkewed')],
    ['DA_ACCESS_DENIED', 1, awsError('AccessDeniedException')],
    ['DA_ACCESS_DENIED', 1, awsError('UnauthorizedOperation')],
    ['DA_MFA_CODE_REFUSED', 1, awsError('AccessDenied', 'MultiFactorAuthentication failed with')],
    ['DA_THROTTLED', 1, awsError('ThrottlingException')],
    ['DA_THROTTLED', 1, awsError('RequestLimitExceeded')],
    ['DA_ENDPOINT_UNREACHABLE', 1, systemError('ENOTFOUND')],
    ['DA_ENDPOINT_UNREACHABLE', 1, new AggregateError([systemError('ECONNREFUSED')])],
    ['DA_ENDPOINT_UNREACHABLE', 1, new Error('x', { cause: systemError('ETIMEDOUT') })],
    ['DA_ENDPOINT_UNREACHABLE', 1, Object.assign(new Error('x'), { name: 'TimeoutError' })],
    ['DA_TLS', 1, systemError('SELF_SIGNED_CERT_IN_CHAIN')],
    ['DA_TLS', 1, systemError('UNABLE_TO_VERIFY_LEAF_SIGNATURE')],
    ['DA_TLS', 1, systemError('ERR_TLS_CERT_ALTNAME_INVALID')],
    ['DA_SERVICE_ERROR', 1, awsError('InternalServerError', 'oops')],
  ])('%s, exit %d', (code, exitCode, error) => {
    expect(serviceError(error, context)).toMatchObject({ code, exitCode, cause: error });
  });

  it('says for whom, and what to do next', () => {
    expect(errorLine(serviceError(awsError('ExpiredToken'), context))).toBe(
      'The credentials of profile work have expired [DA_CREDENTIALS_EXPIRED] ' +
        'Next: run devaccess mfa --profile work',
    );
    expect(
      errorLine(serviceError(systemError('ECONNREFUSED'), { ...context, host: 'h:1' })),
    ).toContain('Could not reach h:1 (ECONNREFUSED)');
  });

  it('leaves our own errors, and faults that came from no call, as they are', () => {
    const own = new DevaccessError('DA_USAGE', 'x');
    expect(serviceError(own, context)).toBe(own);
    const fault = new TypeError('x is undefined');
    expect(serviceError(fault, context)).toBe(fault);
  });
});

describe('clients', () => {
  it('name the host they could not talk to', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    process.env.AWS_ENDPOINT_URL_STS = `http://127.0.0.1:${port}`;
    const client = await createStsClient({
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      region: 'us-east-1',
    });
    const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
    const error: unknown = await client
      .send(new GetCallerIdentityCommand({}))
      .catch((e: unknown) => e);
    delete process.env.AWS_ENDPOINT_URL_STS;
    server.close();
    expect(serviceError(error, context)).toMatchObject({
      code: 'DA_ENDPOINT_UNREACHABLE',
      message: `Could not reach 127.0.0.1:${port} (ECONNRESET)`,
    });
  });
});

describe('regions', () => {
  const none = { flag: undefined, env: {}, profileRegion: undefined };

  it('come from flag, environment, profile', () => {
    const env = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' };
    expect(chooseRegion({ flag: 'eu-west-3', env, profileRegion: 'eu-north-1' })).toBe('eu-west-3');
    expect(chooseRegion({ ...none, env, profileRegion: 'eu-north-1' })).toBe('eu-west-1');
    expect(chooseRegion({ ...none, profileRegion: 'us-gov-west-1' })).toBe('us-gov-west-1');
    expect(() => chooseRegion(none)).toThrow(/No AWS region/);
    for (const flag of ['x', 'eu-west-1.evil.example', 'eu_west_1', 'eu-west-1\n']) {
      expect(() => chooseRegion({ ...none, flag })).toThrow(/not an AWS region/);
    }
  });

  it.each([
    ['arn:aws:iam::1:mfa/a', 'us-east-1'],
    ['arn:aws-us-gov:iam::1:mfa/a', 'us-gov-west-1'],
    ['arn:aws-cn:iam::1:mfa/a', 'cn-north-1'],
    ['GAHT12345678', 'us-east-1'],
  ])('of STS follow the partition of %s', (arn, region) => {
    expect(chooseStsRegion(none, arn)).toBe(region);
  });
});
