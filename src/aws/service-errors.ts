import { DevaccessError, EXIT } from '../platform/errors.ts';
import type { ErrorCode, ExitCode } from '../platform/errors.ts';
import { shellWord } from '../platform/shell-quote.ts';

/** What a call was about, for the text of its error. Public facts only. */
export interface CallContext {
  /** As AWS writes it: `STS`, `EC2`, `SSM`. */
  service: string;
  /** As AWS writes it: `GetSessionToken`. */
  operation: string;
  /** Host of the endpoint, with port where unusual. */
  host?: string | undefined;
  /** Profile whose credentials were used; undefined for those of the environment. */
  profile?: string | undefined;
}

/** EC2 says RequestExpired for temporary credentials that have expired. */
const EXPIRED = /^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired|RequestExpired)$/;
const INVALID =
  /^(InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|AuthFailure|InvalidToken|NotAuthorized|MissingAuthenticationToken(Exception)?|IncompleteSignature(Exception)?)$/;
/** Services that the same credentials work with in one region and not in another. */
const REGIONAL = new Set(['EC2', 'SSM']);
const SIGNATURE = /^(SignatureDoesNotMatch|InvalidSignatureException|InvalidSignature)$/;
const SKEWED = /^(RequestTimeTooSkewed|RequestInTheFuture)$/;
const SKEW_TEXT = /signature (expired|not yet current)|signature is not yet valid/i;
const DENIED = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|OptInRequired)$/;
const THROTTLED =
  /^(Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestLimitExceeded|RequestThrottled(Exception)?|SlowDown|BandwidthLimitExceeded)$/;
const NETWORK =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|EAI_AGAIN|EAI_FAIL|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EPIPE|ENETRESET|EADDRNOTAVAIL|ERR_SOCKET_CONNECTION_TIMEOUT|TimeoutError|NetworkingError)$/;
const TLS =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_|ERR_SSL_|EPROTO|HOSTNAME_MISMATCH)/;

/**
 * An error of an AWS call (or of the way to it) as one for a person. An error that is already one
 * is handed back; so is one that did not come from a call.
 *
 * @returns DevaccessError DA_CREDENTIALS_EXPIRED (exit 3), DA_NO_CREDENTIALS (exit 3),
 *   DA_CREDENTIAL_PROCESS, DA_MFA_CODE_REFUSED, DA_CREDENTIALS_INVALID, DA_ACCESS_DENIED,
 *   DA_CLOCK_SKEW, DA_THROTTLED, DA_ENDPOINT_UNREACHABLE, DA_TLS or DA_SERVICE_ERROR
 */
export function serviceError(error: unknown, context: CallContext): unknown {
  if (error instanceof DevaccessError) return error;
  const names = errorNames(error);
  const text = error instanceof Error ? error.message : '';
  const is = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  const where = `${context.service} ${context.operation}`;
  const who = context.profile === undefined ? 'the environment' : `profile ${context.profile}`;
  const make = (
    code: ErrorCode,
    message: string,
    next: string,
    exitCode: ExitCode = EXIT.failed,
  ): DevaccessError => new DevaccessError(code, message, { next, exitCode, cause: error });

  if (is(/^CredentialsProviderError$/)) {
    return make(...sourceFailure(text, who, context.profile));
  }
  if (is(EXPIRED)) {
    return make(
      'DA_CREDENTIALS_EXPIRED',
      `The credentials of ${who} have expired`,
      `run ${mfaCommand(context.profile)}`,
      EXIT.needsPerson,
    );
  }
  if (is(SKEWED) || (is(SIGNATURE) && SKEW_TEXT.test(text))) {
    return make(
      'DA_CLOCK_SKEW',
      `${context.service} refused the request because this computer's clock is wrong`,
      'set the clock (turn on automatic time), then try again',
    );
  }
  if (/MultiFactorAuthentication failed/i.test(text)) {
    return make(
      'DA_MFA_CODE_REFUSED',
      'AWS refused the MFA code',
      'wait for the next code, as each works only once, and check the device and its clock',
    );
  }
  if (is(SIGNATURE) || is(INVALID)) {
    // A region that an account has not enabled knows none of its keys.
    const mayBeRegion = !is(SIGNATURE) && REGIONAL.has(context.service);
    const unknown = `its key is unknown or disabled${mayBeRegion ? ', or the region is not enabled' : ''}`;
    return make(
      'DA_CREDENTIALS_INVALID',
      `${context.service} does not accept the credentials of ${who}: ${is(SIGNATURE) ? 'its secret key does not match' : unknown}`,
      'check the access key in the credentials file and in IAM' +
        (mayBeRegion ? ', and that the account has enabled the region' : ''),
    );
  }
  if (is(DENIED)) {
    return make(
      'DA_ACCESS_DENIED',
      `${who[0]?.toUpperCase() ?? ''}${who.slice(1)} may not call ${where}`,
      `allow the action in IAM; a policy may also ask for MFA: ${mfaCommand(context.profile)}`,
    );
  }
  if (is(THROTTLED)) {
    return make('DA_THROTTLED', `${where} is throttled by AWS`, 'try again in a minute');
  }
  const host = context.host ?? hostOf(error) ?? `the ${context.service} endpoint`;
  if (is(TLS)) {
    return make(
      'DA_TLS',
      `No trusted TLS connection to ${host} (${names.find((name) => TLS.test(name)) ?? ''})`,
      'name the certificate authority of your proxy in AWS_CA_BUNDLE',
    );
  }
  if (is(NETWORK)) {
    return make(
      'DA_ENDPOINT_UNREACHABLE',
      `Could not reach ${host} (${names.find((name) => NETWORK.test(name)) ?? ''})`,
      'check the network, the region and AWS_ENDPOINT_URL',
    );
  }
  // The SDK calls an error Unknown that has no code: nothing AWS ever sends.
  if (text.includes('Deserialization error') || /^Unknown(Error)?$/.test(names[0] ?? '')) {
    return strangeAnswer({ ...context, host }, httpStatus(error), error);
  }
  if (!isServiceAnswer(error)) return error;
  return make(
    'DA_SERVICE_ERROR',
    `${where} failed: ${names[0] ?? 'error'}: ${text}`,
    'try again; see the message of AWS',
  );
}

/** Why the SDK's chain has no credentials: its errors have one name, and texts alone tell. */
function sourceFailure(
  text: string,
  who: string,
  profile: string | undefined,
): [ErrorCode, string, string, ExitCode] {
  if (/\bSSO\b|aws sso login|UnauthorizedException/.test(text)) {
    const named = profile === undefined ? '' : ` --profile ${profile}`;
    return [
      'DA_NO_CREDENTIALS',
      `The IAM Identity Center session of ${who} has ended or was never begun`,
      `run aws sso login${named}`,
      EXIT.needsPerson,
    ];
  }
  // The text of the process may hold anything, secrets included.
  if (/credential_process|^Command failed/.test(text)) {
    return [
      'DA_CREDENTIAL_PROCESS',
      `The credential_process of ${who} failed`,
      'run its command by hand to see why',
      EXIT.failed,
    ];
  }
  if (text.startsWith('Detected a cycle')) {
    return [
      'DA_PROFILE_LOOP',
      `The source_profile of ${who} leads in a circle`,
      'correct source_profile in ~/.aws/config',
      EXIT.failed,
    ];
  }
  const source = /^Could not resolve credentials using profile: \[([^\]]*)\]/.exec(text)?.[1];
  if (source !== undefined && source !== profile) {
    return [
      'DA_NO_CREDENTIALS',
      `Profile ${source}, which ${who} starts from, has no credentials`,
      `run ${mfaCommand(profile)}, or correct source_profile`,
      EXIT.needsPerson,
    ];
  }
  return [
    'DA_NO_CREDENTIALS',
    `No AWS credentials for ${who}`,
    `run ${mfaCommand(profile)}`,
    EXIT.needsPerson,
  ];
}

/** An answer that did not come from AWS, or from something that does not do as AWS does. */
export function strangeAnswer(
  context: CallContext,
  detail: string | undefined,
  cause?: unknown,
): DevaccessError {
  const { host = `The ${context.service} endpoint`, service, operation } = context;
  const shown = detail === undefined ? '' : ` (${detail})`;
  return new DevaccessError(
    'DA_SERVICE_ERROR',
    `${host} did not answer ${service} ${operation} as AWS does${shown}`,
    {
      next: 'check AWS_ENDPOINT_URL, and whether a proxy or a login page of the network is in between',
      cause,
    },
  );
}

/** The command that renews a profile. */
export function mfaCommand(profile: string | undefined): string {
  const isPlain = profile === undefined || profile === 'default';
  return isPlain ? 'devaccess mfa' : `devaccess mfa --profile ${shellWord(profile)}`;
}

/** Names and codes of an error and of what lies inside it: the SDK wraps, Node aggregates. */
function errorNames(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 4) return [];
  const { name, code, Code, cause, errors } = error as Record<string, unknown>;
  const own = [Code, code, name].filter((value) => typeof value === 'string');
  const inner = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  return [...own, ...inner.flatMap((value) => errorNames(value, depth + 1))];
}

function hostOf(error: unknown): string | undefined {
  const { endpointHost, hostname, address, port } = error as Record<string, unknown>;
  if (typeof endpointHost === 'string') return endpointHost;
  if (typeof hostname === 'string') return hostname;
  if (typeof address !== 'string') return undefined;
  return typeof port === 'number' ? `${address}:${port}` : address;
}

function httpStatus(error: unknown): string | undefined {
  const { $metadata } = error as { $metadata?: { httpStatusCode?: unknown } };
  const status = $metadata?.httpStatusCode;
  return typeof status === 'number' ? `HTTP ${status}` : undefined;
}

/** The SDK marks errors a service answered with; anything else is a fault of ours. */
function isServiceAnswer(error: unknown): boolean {
  return typeof (error as { $metadata?: unknown } | null)?.$metadata === 'object';
}
