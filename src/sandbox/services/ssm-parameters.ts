import type { KmsKey, SandboxAccount } from '../account.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { tagEntries } from '../iam-policy/request-context.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import type { Call } from '../http/service.ts';
import { PageTokens } from '../page-tokens.ts';
import { SEED } from '../seed.ts';
import { ServiceError } from '../service-error.ts';
import { findKey } from './kms.ts';
import type { KmsVault } from './kms-vault.ts';

/** A parameter as it is kept: a SecureString is sealed, whoever reads the memory of the store. */
export interface StoredParameter {
  readonly name: string;
  readonly type: 'String' | 'StringList' | 'SecureString';
  readonly tier: 'Standard' | 'Advanced';
  /** Base64 of the ciphertext for a SecureString. */
  readonly value: string;
  readonly key: KmsKey | undefined;
  readonly version: number;
  readonly modifiedAtMs: number;
  readonly modifiedBy: string;
  readonly region: string;
}

interface ParameterOptions {
  account: SandboxAccount;
  access: AccessControl;
  vault: KmsVault;
  now: () => number;
  parameters: Map<string, StoredParameter>;
}

const NAME = { min: 1, max: 2048 } as const;
const TYPES = { oneOf: ['String', 'StringList', 'SecureString'] } as const;
const TIERS = { oneOf: ['Standard', 'Advanced', 'Intelligent-Tiering'] } as const;
const LIMITS = { Standard: 4096, Advanced: 8192 } as const;
const MAX_DEPTH = 15;

/** PutParameter, GetParameter, GetParametersByPath, DeleteParameter(s), DescribeParameters. */
export function parameterOperations(options: ParameterOptions): Record<string, JsonOperation> {
  return {
    PutParameter: putParameter(options),
    GetParameter: getParameter(options),
    GetParametersByPath: getParametersByPath(options),
    DeleteParameter: deleteParameter(options),
    DeleteParameters: deleteParameters(options),
    DescribeParameters: describeParameters(options),
  };
}

function putParameter(options: ParameterOptions): JsonOperation {
  const { account, parameters, now } = options;
  return (input, call) => {
    const name = input.requiredText('Name', NAME);
    const value = input.requiredText('Value');
    const type = (input.text('Type', TYPES) ?? 'String') as StoredParameter['type'];
    const keyId = input.text('KeyId', { min: 1, max: 256, pattern: /^([a-zA-Z0-9:/_-]+)$/ });
    const isOverwrite = input.flag('Overwrite');
    const wanted = input.text('Tier', TIERS) ?? 'Standard';
    input.check();
    checkName(name);
    requireParameter(options, call, 'PutParameter', name);
    const present = parameters.get(keyOf(call.region, name));
    if (present !== undefined && !isOverwrite) {
      throw refusal(
        'ParameterAlreadyExists',
        'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
      );
    }
    const size = Buffer.byteLength(value);
    const isLarge = wanted === 'Intelligent-Tiering' && size > LIMITS.Standard;
    const tier =
      wanted === 'Advanced' || isLarge || present?.tier === 'Advanced' ? 'Advanced' : 'Standard';
    if (size > LIMITS[tier]) {
      throw new ServiceError(
        'ValidationException',
        `${tier} tier parameters support a maximum parameter value of ${LIMITS[tier]} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.`,
      );
    }
    const key = type === 'SecureString' ? parameterKey(account, call.region, keyId) : undefined;
    const stored = {
      name,
      type,
      tier,
      value: key === undefined ? value : seal(options, call, key, name, value),
      key,
      version: (present?.version ?? 0) + 1,
      modifiedAtMs: now(),
      modifiedBy: call.caller.arn,
      region: call.region,
    } as const;
    parameters.set(keyOf(call.region, name), stored);
    return { Version: stored.version, Tier: tier };
  };
}

function getParameter(options: ParameterOptions): JsonOperation {
  return (input, call) => {
    const name = input.requiredText('Name', NAME);
    const isDecrypted = input.flag('WithDecryption');
    input.check();
    requireParameter(options, call, 'GetParameter', name);
    const found = options.parameters.get(keyOf(call.region, name));
    if (found === undefined) throw refusal('ParameterNotFound', '');
    return { Parameter: parameterMembers(options, call, found, isDecrypted) };
  };
}

function getParametersByPath(options: ParameterOptions): JsonOperation {
  const tokens = new PageTokens();
  return (input, call) => {
    const path = input.requiredText('Path', NAME);
    const isDecrypted = input.flag('WithDecryption');
    const isDeep = input.flag('Recursive');
    const page = readPage(input, tokens, [call.caller.arn, path], 10);
    requireParameter(options, call, 'GetParametersByPath', path);
    const prefix = path.endsWith('/') ? path : `${path}/`;
    const found = sorted(options, call.region).filter(
      ({ name }) => name.startsWith(prefix) && (isDeep || !name.slice(prefix.length).includes('/')),
    );
    return {
      Parameters: page.of(found).map((each) => parameterMembers(options, call, each, isDecrypted)),
      ...page.next(found.length),
    };
  };
}

function deleteParameter(options: ParameterOptions): JsonOperation {
  return (input, call) => {
    const name = input.requiredText('Name', NAME);
    input.check();
    requireParameter(options, call, 'DeleteParameter', name);
    if (!options.parameters.delete(keyOf(call.region, name)))
      throw refusal('ParameterNotFound', '');
    return {};
  };
}

function deleteParameters(options: ParameterOptions): JsonOperation {
  return (input, call) => {
    const names = input.texts('Names', { min: 1, max: 10 });
    if (names === undefined) input.constraints.missing('Names');
    input.check();
    for (const name of names ?? []) requireParameter(options, call, 'DeleteParameters', name);
    const deleted = (names ?? []).filter((name) =>
      options.parameters.delete(keyOf(call.region, name)),
    );
    const invalid = (names ?? []).filter((name) => !deleted.includes(name));
    return { DeletedParameters: deleted, InvalidParameters: invalid };
  };
}

function describeParameters(options: ParameterOptions): JsonOperation {
  const tokens = new PageTokens();
  return (input, call) => {
    const page = readPage(input, tokens, [call.caller.arn], 50);
    requireParameter(options, call, 'DescribeParameters', '*');
    const all = sorted(options, call.region);
    const shown = page
      .of(all)
      .map(({ name, type, key, version, tier, modifiedAtMs, modifiedBy }) => ({
        Name: name,
        Type: type,
        ...(key === undefined ? {} : { KeyId: key.aliases[0] ?? key.arn }),
        LastModifiedDate: modifiedAtMs / 1000,
        LastModifiedUser: modifiedBy,
        Version: version,
        Tier: tier,
        Policies: [],
        DataType: 'text',
      }));
    return { Parameters: shown, ...page.next(all.length) };
  };
}

function readPage(input: JsonInput, tokens: PageTokens, binding: readonly string[], max: number) {
  const size = input.integer('MaxResults', { min: 1, max }) ?? max;
  const token = input.text('NextToken');
  input.check();
  const start = token === undefined ? 0 : tokens.open(token, binding);
  if (start === undefined) throw refusal('InvalidNextToken', '');
  const end = start + size;
  return {
    of: <Item>(items: readonly Item[]): Item[] => items.slice(start, end),
    next: (total: number) => (end < total ? { NextToken: tokens.issue(end, binding) } : {}),
  };
}

function sorted({ parameters }: ParameterOptions, region: string): StoredParameter[] {
  return [...parameters.values()]
    .filter((each) => each.region === region)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

function parameterMembers(
  options: ParameterOptions,
  call: Call,
  stored: StoredParameter,
  isDecrypted: boolean,
): Record<string, unknown> {
  const { name, type, value, version, modifiedAtMs, key } = stored;
  return {
    Name: name,
    Type: type,
    Value: key !== undefined && isDecrypted ? unseal(options, call, key, stored) : value,
    Version: version,
    LastModifiedDate: modifiedAtMs / 1000,
    ARN: parameterArn(options.account, call.region, name),
    DataType: 'text',
  };
}

/** The account's own key for parameters asks nobody; any other one asks IAM, with the parameter as context. */
function parameterKey(account: SandboxAccount, region: string, keyId: string | undefined): KmsKey {
  try {
    return findKey(account, region, keyId ?? SEED.parameterKmsAlias);
  } catch {
    throw refusal('InvalidKeyId', "The query key ID isn't valid.");
  }
}

function seal(options: ParameterOptions, call: Call, key: KmsKey, name: string, value: string) {
  const context = keyContext(options, call, 'Encrypt', key, name);
  return options.vault.encrypt(key, Buffer.from(value), context).toString('base64');
}

function unseal(
  options: ParameterOptions,
  call: Call,
  key: KmsKey,
  { name, value }: StoredParameter,
) {
  const context = keyContext(options, call, 'Decrypt', key, name);
  const opened = options.vault.decrypt(Buffer.from(value, 'base64'), context);
  if (opened === undefined) throw refusal('InvalidKeyId', '');
  return opened.plaintext.toString('utf8');
}

function keyContext(
  { account, access }: ParameterOptions,
  call: Call,
  action: string,
  key: KmsKey,
  name: string,
): Map<string, string> {
  const context = new Map([['PARAMETER_ARN', parameterArn(account, call.region, name)]]);
  if (key.aliases.includes(SEED.parameterKmsAlias)) return context;
  access.require(call, {
    action: `kms:${action}`,
    resource: key.arn,
    context: {
      ...tagEntries('kms:EncryptionContext:', context),
      'kms:EncryptionContextKeys': [...context.keys()],
      'kms:ViaService': `ssm.${call.region}.amazonaws.com`,
    },
    askedBy: 'ssm',
  });
  return context;
}

function requireParameter(
  { account, access }: ParameterOptions,
  call: Call,
  action: string,
  name: string,
): void {
  const resource = parameterArn(account, call.region, name);
  access.require(call, { action: `ssm:${action}`, resource });
}

/** A name's own slash is the one behind `parameter`. */
function parameterArn({ accountId }: SandboxAccount, region: string, name: string): string {
  return `arn:aws:ssm:${region}:${accountId}:parameter/${name.replace(/^\//, '')}`;
}

function keyOf(region: string, name: string): string {
  return `${region} ${name}`;
}

/** @throws ServiceError ValidationException, HierarchyLevelLimitExceededException */
function checkName(name: string): void {
  const isPlain = /^[a-zA-Z0-9_.\-/]+$/.test(name) && !name.endsWith('/') && !name.includes('//');
  if (!isPlain || (name.includes('/') && !name.startsWith('/')) || /^\/?(aws|ssm)/i.test(name)) {
    throw new ServiceError(
      'ValidationException',
      'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_',
    );
  }
  if (name.split('/').length - 1 > MAX_DEPTH) {
    throw refusal('HierarchyLevelLimitExceededException', '');
  }
}

function refusal(code: string, Message: string): ServiceError {
  return new ServiceError(code, '', 400, Message === '' ? {} : { message: Message });
}
