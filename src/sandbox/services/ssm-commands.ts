import type { ManagedNode, SandboxAccount } from '../account.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import { PageTokens } from '../page-tokens.ts';
import type { Command, CommandRegistry, Invocation } from '../run-command/command-registry.ts';
import { ServiceError } from '../service-error.ts';
import { tagValue } from './ec2-filters.ts';
import { nodeTags } from './node-tags.ts';
import { resolveCommandDocument } from './ssm-command-document.ts';
import type { SsmAccess } from './ssm-access.ts';
import {
  commandMembers,
  invocationMembers,
  invocationResult,
  PLUGIN,
} from './ssm-command-shapes.ts';
import { shortDocumentName } from './ssm-documents.ts';
import type { OwnDocument } from './ssm-own-documents.ts';

const INSTANCE_ID = /^(i-(\w{8}|\w{17})|mi-\w{17})$/;
const TARGET_KEY = /^[\p{L}\p{Z}\p{N}_.:/=\-@]*$/u;
const MAX_CONCURRENCY = /^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$/;
const MAX_ERRORS = /^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$/;
const DOCUMENT_VERSION = /^([$]LATEST|[$]DEFAULT|[1-9][0-9]*)$/;
const COMMAND_ID = { min: 36, max: 36 } as const;
const PAGE_SIZE = { min: 1, max: 50 } as const;
const FILTER_KEYS = ['InvokedAfter', 'InvokedBefore', 'Status', 'ExecutionStage', 'DocumentName'];
const DEFAULT_TIMEOUT_S = 3600;

export interface SsmCommandOptions {
  account: SandboxAccount;
  access: SsmAccess;
  commands: CommandRegistry;
  /** Command documents of the account's own. */
  commandDocuments: OwnDocument[];
}

/** SendCommand, CancelCommand, ListCommands, ListCommandInvocations, GetCommandInvocation. */
export function commandOperations(options: SsmCommandOptions): Record<string, JsonOperation> {
  const { access } = options;
  return {
    SendCommand: sendCommand(options),
    CancelCommand: access.guard('CancelCommand', cancelCommand(options)),
    ListCommands: access.guard('ListCommands', listCommands(options)),
    ListCommandInvocations: access.guard('ListCommandInvocations', listCommandInvocations(options)),
    GetCommandInvocation: access.guard('GetCommandInvocation', getCommandInvocation(options)),
  };
}

function sendCommand({
  account,
  access,
  commands,
  commandDocuments,
}: SsmCommandOptions): JsonOperation {
  return (input, call) => {
    const { region } = call;
    const documentName = input.requiredText('DocumentName', {
      pattern: /^[a-zA-Z0-9_\-.:/]{3,128}$/,
    });
    const instanceIds = readInstanceIds(input);
    const targets = (input.structures('Targets', { min: 0, max: 5 }) ?? []).map((target) => {
      const Key = target.requiredText('Key', { min: 1, max: 163, pattern: TARGET_KEY });
      const Values = target.texts('Values', { min: 0, max: 50 }) ?? [];
      target.check();
      return { Key, Values };
    });
    const timeoutS = input.integer('TimeoutSeconds', { min: 30, max: 2_592_000 });
    const comment = input.text('Comment', { max: 100 }) ?? '';
    const maxConcurrency = input.text('MaxConcurrency', { pattern: MAX_CONCURRENCY }) ?? '50';
    const maxErrors = input.text('MaxErrors', { pattern: MAX_ERRORS }) ?? '0';
    const given = input.textListMap('Parameters');
    const wantedVersion = input.text('DocumentVersion', { pattern: DOCUMENT_VERSION });
    const hash = input.text('DocumentHash', { max: 256 });
    input.text('DocumentHashType', { oneOf: ['Sha256', 'Sha1'] });
    input.check();

    const wanted = shortDocumentName(documentName);
    access.requireSendCommand(call, wanted, instanceIds);
    const { name, version, parameters, script } = resolveCommandDocument(
      { name: documentName, version: wantedVersion, hash, given },
      commandDocuments.filter((each) => each.region === region),
    );
    const nodes = nodesOf(account, region, instanceIds, targets);
    // Those that tags have found; the service refuses each of them by itself, here all or none.
    access.requireSendCommand(call, wanted, nodes);
    const command = commands.send({
      region,
      documentName: name,
      documentVersion: version,
      parameters,
      comment,
      instanceIds,
      targets,
      nodes,
      timeoutS: timeoutS ?? DEFAULT_TIMEOUT_S,
      maxConcurrency,
      maxErrors,
      script,
    });
    return { Command: commandMembers(command) };
  };
}

/** @throws ServiceError InvalidInstanceId, DuplicateInstanceId, UnsupportedPlatformType */
function nodesOf(
  account: SandboxAccount,
  region: string,
  instanceIds: readonly string[],
  targets: readonly { Key: string; Values: readonly string[] }[],
): string[] {
  if (instanceIds.length > 0 === targets.length > 0) {
    throw new ServiceError(
      'ValidationException',
      'Specify either InstanceIds or Targets, and not both.',
    );
  }
  const here = account.nodes.filter((node) => node.region === region);
  const named = [
    ...instanceIds,
    ...targets.flatMap(({ Key, Values }) => (Key === 'InstanceIds' ? Values : [])),
  ];
  if (new Set(named).size < named.length) throw new ServiceError('DuplicateInstanceId', '');
  const unknown = named.filter((id) => !here.some(({ instanceId }) => instanceId === id));
  if (unknown.length > 0) {
    throw new ServiceError('InvalidInstanceId', '', 400, {
      Message: `Instances [[${unknown.join(', ')}]] not in a valid state for account ${account.accountId}`,
    });
  }
  const chosen =
    targets.length > 0
      ? here.filter((node) => targets.every((target) => isTarget(account, node, target)))
      : here.filter(({ instanceId }) => instanceIds.includes(instanceId));
  const foreign = chosen.filter(({ platformType }) => platformType === 'Windows');
  if (foreign.length > 0 && named.length > 0) {
    throw new ServiceError('UnsupportedPlatformType', '', 400, {
      Message: `Document does not support the platform of ${foreign.map(({ instanceId }) => instanceId).join(', ')}.`,
    });
  }
  return chosen.filter((node) => !foreign.includes(node)).map(({ instanceId }) => instanceId);
}

function isTarget(
  account: SandboxAccount,
  node: ManagedNode,
  { Key, Values }: { Key: string; Values: readonly string[] },
): boolean {
  const tags = nodeTags(account, node);
  if (Key === 'InstanceIds') return Values.includes(node.instanceId);
  if (Key === 'tag-key') return Values.some((value) => Object.hasOwn(tags, value));
  if (Key.startsWith('tag:')) {
    const value = tagValue(tags, Key.slice('tag:'.length));
    return value !== undefined && Values.includes(value);
  }
  throw new ServiceError('ValidationException', `Target key ${Key} is not served by the sandbox.`);
}

function cancelCommand({ commands }: SsmCommandOptions): JsonOperation {
  return (input, { region }) => {
    const commandId = input.requiredText('CommandId', COMMAND_ID);
    const instanceIds = readInstanceIds(input);
    input.check();
    const command = commands.get(commandId, region);
    if (command === undefined) throw new ServiceError('InvalidCommandId', '');
    if (instanceIds.some((id) => invocationOf(command, id) === undefined)) {
      throw new ServiceError('InvalidInstanceId', '');
    }
    commands.cancel(command, instanceIds);
    return {};
  };
}

function getCommandInvocation({ commands }: SsmCommandOptions): JsonOperation {
  return (input, { region }) => {
    const commandId = input.requiredText('CommandId', COMMAND_ID);
    const instanceId = input.requiredText('InstanceId', { pattern: INSTANCE_ID });
    const pluginName = input.text('PluginName', { min: 4 });
    input.check();
    const command = commands.get(commandId, region);
    const invocation = command && invocationOf(command, instanceId);
    if (command === undefined || invocation === undefined || !commands.isKnown(command)) {
      throw new ServiceError('InvocationDoesNotExist', '');
    }
    if (pluginName !== undefined && pluginName !== PLUGIN) {
      throw new ServiceError('InvalidPluginName', '');
    }
    return invocationResult(command, invocation);
  };
}

function listCommands({ commands }: SsmCommandOptions): JsonOperation {
  const tokens = new PageTokens();
  return (input, { caller, region }) => {
    const query = readListQuery(input, tokens, [caller.arn, region]);
    const selected = commands
      .list(region)
      .filter((command) => query.commandId === undefined || command.commandId === query.commandId)
      .filter(({ nodes }) => query.instanceId === undefined || nodes.includes(query.instanceId))
      .map((command) => ({ command, shown: commandMembers(command) }))
      .filter(({ command, shown }) =>
        query.filters.every(({ fits }) => fits(command, shown.Status, shown.StatusDetails)),
      )
      .map(({ shown }) => shown);
    return { Commands: query.page(selected), ...query.next(selected.length) };
  };
}

function listCommandInvocations({ commands }: SsmCommandOptions): JsonOperation {
  const tokens = new PageTokens();
  return (input, { caller, region }) => {
    const query = readListQuery(input, tokens, [caller.arn, region]);
    const isDetailed = input.flag('Details');
    const one = query.commandId === undefined ? undefined : commands.get(query.commandId, region);
    const asked = query.commandId === undefined ? commands.list(region) : one ? [one] : [];
    const selected = asked
      .filter((command) => commands.isKnown(command))
      .flatMap((command) => command.invocations.map((invocation) => ({ command, invocation })))
      .filter(
        ({ invocation }) =>
          query.instanceId === undefined || invocation.instanceId === query.instanceId,
      )
      .filter(({ command, invocation: { status, statusDetails } }) =>
        query.filters.every(({ fits }) => fits(command, status, statusDetails)),
      )
      .map(({ command, invocation }) => invocationMembers(command, invocation, isDetailed));
    return { CommandInvocations: query.page(selected), ...query.next(selected.length) };
  };
}

/** What both lists take. */
function readListQuery(input: JsonInput, tokens: PageTokens, caller: readonly string[]) {
  const commandId = input.text('CommandId', COMMAND_ID);
  const instanceId = input.text('InstanceId', { pattern: INSTANCE_ID });
  const size = input.integer('MaxResults', PAGE_SIZE) ?? PAGE_SIZE.max;
  const nextToken = input.text('NextToken');
  const filters = (input.structures('Filters', { min: 1, max: 5 }) ?? []).map((filter) => {
    const key = filter.requiredText('key', { oneOf: FILTER_KEYS });
    const value = filter.requiredText('value', { min: 1, max: 128 });
    filter.check();
    return { key, value, fits: commandFilter(key, value) };
  });
  input.check();
  const shown = filters.map(({ key, value }) => [key, value]);
  const binding = [caller, commandId, instanceId, shown];
  const start = nextToken === undefined ? 0 : tokens.open(nextToken, binding);
  if (start === undefined) throw new ServiceError('InvalidNextToken', '');
  const end = start + size;
  return {
    commandId,
    instanceId,
    filters,
    page: <Item>(items: readonly Item[]): Item[] => items.slice(start, end),
    next: (total: number) => (end < total ? { NextToken: tokens.issue(end, binding) } : {}),
  };
}

function commandFilter(
  key: string,
  value: string,
): (command: Command, status: string, statusDetails: string) => boolean {
  switch (key) {
    case 'InvokedAfter':
    case 'InvokedBefore': {
      const ms = Date.parse(value);
      if (Number.isNaN(ms)) {
        throw new ServiceError('ValidationException', `Value '${value}' is not a timestamp.`);
      }
      return ({ requestedAtMs }) =>
        key === 'InvokedAfter' ? requestedAtMs > ms : requestedAtMs < ms;
    }
    case 'Status':
      return (_command, status, details) => status === value || details === value;
    case 'DocumentName':
      return ({ documentName }) => documentName === value;
    default: {
      const isComplete = (status: string): boolean =>
        !['Pending', 'InProgress', 'Cancelling'].includes(status);
      return (_command, status) => isComplete(status) === (value === 'Complete');
    }
  }
}

function readInstanceIds(input: JsonInput): string[] {
  const ids = input.texts('InstanceIds', { min: 0, max: 50 }) ?? [];
  for (const id of ids) input.constraints.text('InstanceIds', id, { pattern: INSTANCE_ID });
  return ids;
}

function invocationOf(command: Command, instanceId: string): Invocation | undefined {
  return command.invocations.find((invocation) => invocation.instanceId === instanceId);
}
