/** What CreateSession refused, for the person who must put it right. */
import { serviceError, strangeAnswer } from '../aws/service-errors.ts';
import { DevaccessError, printable } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { HttpAnswer } from './exchange.ts';
import type { SessionRequest } from './create-session.ts';
import { pathFrom } from './identity.ts';
import { utcMinute } from './identity-checks.ts';

const CALL = { service: 'IAM Roles Anywhere', operation: 'CreateSession' };
/** How far a clock may be off before AWS refuses what it signs. */
const SKEW_MS = 5 * 60_000;
const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'DA_ENDPOINT_UNREACHABLE',
  'DA_PROXY_UNREACHABLE',
  'DA_SERVICE_UNAVAILABLE',
  'DA_THROTTLED',
]);

/** Whether the same request, signed anew, may succeed in a moment. */
export function isWorthRetrying({ code }: DevaccessError): boolean {
  return RETRYABLE.has(code);
}

/**
 * An exchange that brought no answer.
 *
 * @returns DevaccessError DA_ENDPOINT_UNREACHABLE, DA_TLS, DA_PROXY, DA_PROXY_UNREACHABLE,
 *   DA_CA_BUNDLE or DA_SERVICE_ERROR
 */
export function exchangeError(error: unknown, host: string): DevaccessError {
  const told = serviceError(error, { ...CALL, host });
  return told instanceof DevaccessError ? told : strangeAnswer({ ...CALL, host }, undefined, error);
}

/**
 * An answer that is not a success (4.6 of the facts).
 *
 * @returns DevaccessError DA_CERTIFICATE_UNTRUSTED, DA_CERTIFICATE_UNFIT, DA_ROLE_SESSION_NAME, DA_ROLE_DENIED,
 *   DA_CERTIFICATE_ATTRIBUTES, DA_CLOCK_SKEW, DA_SIGNATURE, DA_ANYWHERE_NOT_FOUND,
 *   DA_ACCESS_DENIED, DA_THROTTLED, DA_SERVICE_UNAVAILABLE or DA_SERVICE_ERROR
 */
export function answerError(
  answer: HttpAnswer,
  request: SessionRequest,
  nowMs: number,
): DevaccessError {
  const { status } = answer;
  const { code, message } = readError(answer);
  if (status === 429 || /^Throttl|^TooManyRequests/i.test(code)) {
    return new DevaccessError(
      'DA_THROTTLED',
      'IAM Roles Anywhere is asked too often by this account',
      {
        next: 'try again in a minute; it takes 10 requests a second of all machines together, so let them ask at different times and for longer sessions',
      },
    );
  }
  if (status >= 500) {
    return new DevaccessError(
      'DA_SERVICE_UNAVAILABLE',
      `IAM Roles Anywhere answered HTTP ${status}`,
      {
        next: 'try again in a moment',
      },
    );
  }
  if (status === 413 || status === 431) return tooLong(request);
  if (code === '') return strangeAnswer({ ...CALL, host: request.endpoint.host }, `HTTP ${status}`);
  const refusal = REFUSALS.find(({ text }) => text.test(message));
  if (refusal !== undefined) return refusal.tell(request, message);
  return skewError(answer, nowMs) ?? codeError(code, message, request);
}

/** Texts that were seen; the code of all of them is AccessDeniedException. */
const REFUSALS: readonly {
  text: RegExp;
  tell: (request: SessionRequest, message: string) => DevaccessError;
}[] = [
  { text: /revoked/i, tell: revoked },
  { text: /untrusted|insufficient certificate/i, tell: untrusted },
  { text: /certificate.*(?:expired|not yet valid)/i, tell: outOfDate },
  { text: /roleSessionName/i, tell: sessionNameRefused },
  { text: /unable to assume role/i, tell: roleRefused },
  { text: /session tags/i, tell: attributesRefused },
];

/** Certificates are headers, of which servers take 8 to 16 KiB in all. */
function tooLong({ identity: { certificate, chain } }: SessionRequest): DevaccessError {
  const bytes = [certificate, ...chain].reduce((sum, { der }) => sum + der.length, 0);
  return new DevaccessError(
    'DA_CERTIFICATE_UNFIT',
    `The certificate and the ${chain.length} sent along (${Math.ceil(bytes / 1024)} KiB) are too long for IAM Roles Anywhere`,
    {
      next: 'give --intermediates only what lies between the certificate and the trust anchor; devaccess anywhere inspect tells what the chain does not need',
    },
  );
}

function revoked({ identity }: SessionRequest, message: string): DevaccessError {
  const { subject, serialNumber } = identity.certificate;
  return new DevaccessError(
    'DA_CERTIFICATE_UNTRUSTED',
    `The certificate of ${subject} (serial ${serialNumber}) is revoked: ${message}`,
    { next: 'have a new one issued' },
  );
}

function untrusted({ identity, arns }: SessionRequest, message: string): DevaccessError {
  const { certificate, chain } = identity;
  const top = pathFrom(certificate, chain).at(-1) ?? certificate;
  const usage =
    certificate.allowsDigitalSignature === undefined
      ? '; the certificate also lacks the key usage digitalSignature, which it must have'
      : '';
  return new DevaccessError(
    'DA_CERTIFICATE_UNTRUSTED',
    `The trust anchor ${nameOf(arns.trustAnchorArn)} does not trust the certificate of ${certificate.subject}: ${message}`,
    {
      next: `make sure that the trust anchor holds the certificate of ${top.issuer}, or send what lies between with --intermediates${usage}`,
    },
  );
}

function outOfDate({ identity }: SessionRequest, message: string): DevaccessError {
  return new DevaccessError(
    'DA_CERTIFICATE_EXPIRED',
    `IAM Roles Anywhere found a certificate out of its time, that of ${identity.certificate.subject} or one above it: ${message}`,
    { next: 'see devaccess anywhere inspect, and have it renewed; check the clock, too' },
  );
}

function sessionNameRefused({ arns }: SessionRequest): DevaccessError {
  return new DevaccessError(
    'DA_ROLE_SESSION_NAME',
    `The profile ${nameOf(arns.profileArn)} does not let machines choose a role session name`,
    { next: 'leave --role-session-name away, or set acceptRoleSessionName on the profile' },
  );
}

function roleRefused({ arns }: SessionRequest): DevaccessError {
  return new DevaccessError('DA_ROLE_DENIED', `IAM Roles Anywhere may not assume ${arns.roleArn}`, {
    next: `let its trust policy allow rolesanywhere.amazonaws.com the actions sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, check the conditions there, and list the role in the profile ${nameOf(arns.profileArn)}`,
  });
}

function attributesRefused({ identity }: SessionRequest, message: string): DevaccessError {
  return new DevaccessError(
    'DA_CERTIFICATE_ATTRIBUTES',
    `Names in the certificate of ${identity.certificate.subject} cannot become session tags: ${message}`,
    {
      next: "change the profile's attribute mappings, or have a certificate issued with plain names",
    },
  );
}

/** A wrong clock is told by no message of its own: the answer's date tells. */
function skewError({ headers, status }: HttpAnswer, nowMs: number): DevaccessError | undefined {
  const serviceMs = Date.parse(headers['date'] ?? '');
  const aheadMs = nowMs - serviceMs;
  if (status !== 403 && status !== 400) return undefined;
  if (Number.isNaN(aheadMs) || Math.abs(aheadMs) <= SKEW_MS) return undefined;
  return new DevaccessError(
    'DA_CLOCK_SKEW',
    `This computer's clock is wrong: it says ${utcMinute(nowMs)}, that of IAM Roles Anywhere ${utcMinute(serviceMs)}`,
    { next: 'set the clock (turn on automatic time), then try again' },
  );
}

function codeError(code: string, message: string, request: SessionRequest): DevaccessError {
  const { arns } = request;
  if (/signature/i.test(code) || /signature/i.test(message)) {
    return new DevaccessError(
      'DA_SIGNATURE',
      `IAM Roles Anywhere does not accept the signature: ${message}`,
      { next: 'check the clock, and whether a proxy changes requests on the way' },
    );
  }
  switch (code) {
    case 'ResourceNotFoundException':
      return new DevaccessError(
        'DA_ANYWHERE_NOT_FOUND',
        `IAM Roles Anywhere of ${arns.region} does not know what was named: ${message}`,
        {
          next: `check ${arns.trustAnchorArn} and ${arns.profileArn}: account, region and id`,
        },
      );
    case 'ValidationException':
      return new DevaccessError(
        'DA_SERVICE_ERROR',
        `IAM Roles Anywhere refused the request: ${message}`,
        {
          next: 'check what the message names',
        },
      );
    case 'AccessDeniedException':
      return new DevaccessError('DA_ACCESS_DENIED', `IAM Roles Anywhere refused: ${message}`, {
        next: `check that the trust anchor ${nameOf(arns.trustAnchorArn)} and the profile ${nameOf(arns.profileArn)} are enabled, and that the profile lists ${arns.roleArn}`,
      });
    default:
      return new DevaccessError(
        'DA_SERVICE_ERROR',
        `IAM Roles Anywhere refused: ${code}: ${message}`,
        {
          next: 'see the message of AWS',
        },
      );
  }
}

/** Code and message as the protocol has them, without what a terminal must not see. */
function readError({ headers, body }: HttpAnswer): { code: string; message: string } {
  let members: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) members = parsed as Record<string, unknown>;
  } catch {
    // A header may name it all the same.
  }
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const named = headers['x-amzn-errortype'] ?? (text(members['code']) || text(members['__type']));
  const code = named.replace(/:.*$/s, '').replace(/^.*#/s, '');
  const message = text(members['message']) || text(members['Message']) || 'no reason was given';
  return { code: printable(code.slice(0, 100)), message: printable(message.slice(0, 500)) };
}

/** What an ARN ends with. */
function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}
