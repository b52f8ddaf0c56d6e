import { createHash } from 'node:crypto';

/** Keys as a tool reads them. Secrets: compared, never shown. */
export interface ReadKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | undefined;
}

/** Where a tool would get its credentials from, before anybody is asked. */
export type ToolSource =
  /** `profile` undefined: from the environment. */
  | { kind: 'keys'; profile: string | undefined; keys: ReadKeys }
  | { kind: 'role'; profile: string; roleArn: string; from: ToolSource }
  | { kind: 'web-identity'; profile: string | undefined; roleArn: string }
  | { kind: 'credential-process'; profile: string; command: string }
  | { kind: 'identity-center'; profile: string; account: string; role: string }
  | { kind: 'login'; profile: string }
  /** `credential_source` of a role. */
  | { kind: 'named'; name: string }
  /** Nothing in files and environment: what a container or an instance has, if this is one. */
  | { kind: 'machine' }
  /** The tool refuses. */
  | { kind: 'error'; why: string };

/** What a tool makes of environment and files. */
export interface ToolReading {
  /** The profile it looks at, also where the environment's keys come first. */
  profile: string;
  /** Undefined: it asks for one. */
  region: string | undefined;
  source: ToolSource;
}

/** The same for the same credentials, whatever leads to them; says nothing of secrets. */
export function sourceDigest(source: ToolSource): string {
  return createHash('sha256')
    .update(JSON.stringify(essence(source)))
    .digest('hex');
}

function essence(source: ToolSource): unknown {
  switch (source.kind) {
    case 'keys': {
      const { accessKeyId, secretAccessKey, sessionToken = '' } = source.keys;
      return ['keys', accessKeyId, secretAccessKey, sessionToken];
    }
    case 'role':
      return ['role', source.roleArn, essence(source.from)];
    case 'web-identity':
      return ['web-identity', source.roleArn];
    case 'credential-process':
      return ['process', source.command];
    case 'identity-center':
      return ['identity-center', source.account, source.role];
    case 'login':
      return ['login', source.profile];
    case 'named':
      return ['named', source.name];
    case 'machine':
    case 'error':
      return [source.kind];
  }
}

/** For people: `MFA session …LE77 of [default]`. */
export function describeSource(source: ToolSource): string {
  switch (source.kind) {
    case 'keys': {
      const { accessKeyId, sessionToken } = source.keys;
      const what = sessionToken === undefined ? 'key' : 'session';
      const where = source.profile === undefined ? 'the environment' : `[${source.profile}]`;
      return `${what} …${accessKeyId.slice(-4)} of ${where}`;
    }
    case 'role':
      return `role ${source.roleArn.split('/').at(-1) ?? ''} of [${source.profile}], assumed with ${describeSource(source.from)}`;
    case 'web-identity': {
      const where = source.profile === undefined ? 'the environment' : `[${source.profile}]`;
      return `role ${source.roleArn.split('/').at(-1) ?? ''} by the web identity of ${where}`;
    }
    case 'credential-process':
      return `credential_process of [${source.profile}]`;
    case 'identity-center':
      return `${source.role} in ${source.account} by IAM Identity Center, of [${source.profile}]`;
    case 'login':
      return `aws login of [${source.profile}]`;
    case 'named':
      return `what ${source.name} gives`;
    case 'machine':
      return 'none, unless this is an instance or container with a role';
    case 'error':
      return `none: ${source.why}`;
  }
}

/** What sets one apart from another that reads the same. */
export function difference(one: ToolSource, other: ToolSource): string {
  if (describeSource(one) !== describeSource(other)) return '';
  const [left, right] = [one, other].map((source) => keysBehind(source));
  if (left === undefined || right === undefined) return '';
  if (left.accessKeyId !== right.accessKeyId) return ', another key';
  return left.secretAccessKey === right.secretAccessKey ? ', another token' : ', another secret';
}

function keysBehind(source: ToolSource): ReadKeys | undefined {
  if (source.kind === 'role') return keysBehind(source.from);
  return source.kind === 'keys' ? source.keys : undefined;
}

/** The access key id's last four characters, where it is in a file or the environment. */
export function keySuffix(source: ToolSource): string | null {
  return source.kind === 'keys' ? source.keys.accessKeyId.slice(-4) : null;
}
