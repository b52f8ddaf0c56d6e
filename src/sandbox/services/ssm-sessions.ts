import type { SandboxAccount } from '../account.ts';
import type { HybridNodes } from '../hybrid-nodes.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import type { Call } from '../http/service.ts';
import { PageTokens } from '../page-tokens.ts';
import { ServiceError } from '../service-error.ts';
import type { SandboxSession, SessionRegistry } from '../session-registry.ts';
import type { SsmAccess } from './ssm-access.ts';
import {
  DEFAULT_DOCUMENT,
  findDocument,
  resolveContent,
  resolveParameters,
  shortDocumentName,
} from './ssm-documents.ts';
import type { SessionDocument } from './ssm-documents.ts';

const PAGE_SIZE = { min: 1, max: 200 } as const;
/** Sessions that may be open at once. */
const ACTIVE_LIMIT = 1000;
const FILTER_KEYS = [
  'InvokedAfter',
  'InvokedBefore',
  'Target',
  'Owner',
  'Status',
  'SessionId',
  'AccessType',
];

export interface SsmSessionOptions {
  account: SandboxAccount;
  access: SsmAccess;
  registry: SessionRegistry;
  hybridNodes: HybridNodes;
  /** Session documents that exist here. */
  documents: readonly string[];
  /** Session documents of the account's own. */
  ownDocuments: readonly SessionDocument[];
  /** `ws://host:port`, where the message gateway listens. */
  gatewayUrl: () => string;
}

/** StartSession, ResumeSession, TerminateSession, DescribeSessions, GetConnectionStatus. */
export function sessionOperations(options: SsmSessionOptions): Record<string, JsonOperation> {
  const { access } = options;
  // The registry keeps what the gateway needs; the reason is of interest here alone.
  const reasons = new WeakMap<SandboxSession, string>();
  return {
    StartSession: startSession(options, reasons),
    ResumeSession: resumeSession(options),
    TerminateSession: terminateSession(options),
    DescribeSessions: access.guard('DescribeSessions', describeSessions(options, reasons)),
    GetConnectionStatus: access.guard('GetConnectionStatus', (input, { region }) => {
      const target = input.requiredText('Target', { min: 1, max: 400 });
      input.check();
      const connected = isConnected(options, target, region);
      return { Target: target, Status: connected ? 'connected' : 'notconnected' };
    }),
  };
}

function startSession(
  options: SsmSessionOptions,
  reasons: WeakMap<SandboxSession, string>,
): JsonOperation {
  const { access, registry } = options;
  return (input, call) => {
    const { caller, region } = call;
    const target = input.requiredText('Target', { min: 1, max: 400 });
    const named = input.text('DocumentName', { pattern: /^[a-zA-Z0-9_\-.:/]{3,128}$/ });
    const reason = input.text('Reason', { min: 1, max: 256 });
    const given = input.textListMap('Parameters');
    input.check();

    const documentName = shortDocumentName(named ?? DEFAULT_DOCUMENT);
    const isNamed = named !== undefined;
    access.requireStartSession(call, target, { name: documentName, isNamed });
    const document = findDocument(documentName, options.documents, options.ownDocuments);
    const parameters = resolveParameters(document, given);
    refuseStandardTier(options, target, region);
    if (!isConnected(options, target, region)) {
      throw new ServiceError('TargetNotConnected', '', 400, {
        Message: `${target} is not connected.`,
      });
    }
    refuseFlood(registry);
    const session = registry.start({
      target,
      documentName: document.name,
      parameters,
      document: resolveContent(document, parameters),
      ownerArn: caller.arn,
      ownerUserId: caller.userId,
      ownerName: caller.name,
    });
    if (reason !== undefined) reasons.set(session, reason);
    return openingOf(session, options);
  };
}

function refuseFlood(registry: SessionRegistry): void {
  const active = registry.list().filter(({ status }) => status !== 'Terminated');
  if (active.length < ACTIVE_LIMIT) return;
  throw new ServiceError('ThrottlingException', 'Rate exceeded');
}

/**
 * A session that has ended answers with its id alone: without a token there is nothing left to
 * open, which is how clients learn that it is over.
 */
function resumeSession(options: SsmSessionOptions): JsonOperation {
  return (input, call) => {
    const session = ownSession(options, input, call, 'ResumeSession');
    if (session.status === 'Terminated') return { SessionId: session.sessionId };
    return openingOf(session, options);
  };
}

/** Ending what has ended already succeeds. */
function terminateSession(options: SsmSessionOptions): JsonOperation {
  return (input, call) => {
    const { sessionId } = ownSession(options, input, call, 'TerminateSession');
    options.registry.terminate(sessionId, '');
    return { SessionId: sessionId };
  };
}

function openingOf(
  { sessionId }: SandboxSession,
  { registry, gatewayUrl }: SsmSessionOptions,
): Record<string, string> {
  return {
    SessionId: sessionId,
    TokenValue: registry.issueToken(sessionId),
    StreamUrl: `${gatewayUrl()}/v1/data-channel/${sessionId}?role=publish_subscribe`,
  };
}

function ownSession(
  { account, access, registry }: SsmSessionOptions,
  input: JsonInput,
  call: Call,
  action: 'TerminateSession' | 'ResumeSession',
): SandboxSession {
  const sessionId = input.requiredText('SessionId', { min: 1, max: 96 });
  input.check();
  const session = call.region === account.region ? registry.get(sessionId) : undefined;
  access.requireOnSession(call, action, sessionId, session);
  if (session === undefined) {
    throw new ServiceError('DoesNotExistException', '', 400, {
      Message: `Session ${sessionId} does not exist.`,
    });
  }
  return session;
}

function describeSessions(
  { account, registry }: SsmSessionOptions,
  reasons: WeakMap<SandboxSession, string>,
): JsonOperation {
  const tokens = new PageTokens();
  return (input, { caller, region }) => {
    const state = input.requiredText('State', { oneOf: ['Active', 'History'] });
    const pageSize = input.integer('MaxResults', PAGE_SIZE) ?? PAGE_SIZE.max;
    const nextToken = input.text('NextToken');
    const filters = (input.structures('Filters', { min: 1, max: 6 }) ?? []).map((filter) => {
      const key = filter.requiredText('key', { oneOf: FILTER_KEYS });
      const value = filter.requiredText('value', { min: 1, max: 400 });
      filter.check();
      return { key, value, fits: sessionFilter(key, value) };
    });
    input.check();

    const binding = [caller.arn, region, state, filters.map(({ key, value }) => [key, value])];
    const start = nextToken === undefined ? 0 : tokens.open(nextToken, binding);
    if (start === undefined) {
      const Message = 'The specified token is not valid.';
      throw new ServiceError('InvalidNextToken', '', 400, { Message });
    }
    const selected = (region === account.region ? registry.list() : [])
      .filter((session) => (session.status === 'Terminated') === (state === 'History'))
      .filter((session) => filters.every(({ fits }) => fits(session)));
    const end = start + pageSize;
    return {
      Sessions: selected
        .slice(start, end)
        .map((session) => sessionMembers(session, reasons.get(session))),
      ...(end < selected.length ? { NextToken: tokens.issue(end, binding) } : {}),
    };
  };
}

function sessionFilter(key: string, value: string): (session: SandboxSession) => boolean {
  switch (key) {
    case 'InvokedAfter':
    case 'InvokedBefore': {
      const ms = Date.parse(value);
      if (Number.isNaN(ms)) {
        throw new ServiceError('ValidationException', `Value '${value}' is not a timestamp.`);
      }
      return ({ startedAtMs }) => (key === 'InvokedAfter' ? startedAtMs > ms : startedAtMs < ms);
    }
    case 'Target':
      return ({ target }) => target === value;
    case 'Owner':
      return ({ ownerArn }) => ownerArn === value;
    case 'Status':
      return ({ status }) => status === value;
    case 'SessionId':
      return ({ sessionId }) => sessionId === value;
    default:
      // AccessType: every session here is a standard one.
      return () => value === 'Standard';
  }
}

function sessionMembers(
  session: SandboxSession,
  reason: string | undefined,
): Record<string, unknown> {
  return {
    SessionId: session.sessionId,
    Target: session.target,
    Status: session.status,
    StartDate: session.startedAtMs / 1000,
    ...(session.endedAtMs === undefined ? {} : { EndDate: session.endedAtMs / 1000 }),
    DocumentName: session.documentName,
    Owner: session.ownerArn,
    ...(reason === undefined ? {} : { Reason: reason }),
    OutputUrl: {},
    AccessType: 'Standard',
  };
}

/** Hybrid nodes are out of reach for sessions unless the account pays for more. */
function refuseStandardTier(
  { hybridNodes }: SsmSessionOptions,
  target: string,
  region: string,
): void {
  if (!target.startsWith('mi-') || hybridNodes.tier(region) === 'advanced') return;
  throw new ServiceError('BadRequest', '', 400, {
    Message:
      'Enable advanced-instances tier to use Session Manager with your on-premises instances',
  });
}

function isConnected(
  { account, hybridNodes }: SsmSessionOptions,
  target: string,
  region: string,
): boolean {
  const node = account.nodes.find((each) => each.instanceId === target && each.region === region);
  return node !== undefined && hybridNodes.present(node).pingStatus === 'Online';
}
