import { createHash } from 'node:crypto';
import type { SandboxAccount } from '../account.ts';
import type { AccessControl } from '../iam/access-control.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import type { Call } from '../http/service.ts';
import { ServiceError } from '../service-error.ts';

/** One version of a Command document of the account; versions never change. */
export interface DocumentVersion {
  readonly version: number;
  readonly content: string;
  readonly hash: string;
  readonly createdAtMs: number;
}

export interface OwnDocument {
  readonly name: string;
  readonly region: string;
  readonly versions: DocumentVersion[];
  defaultVersion: number;
}

interface DocumentOptions {
  account: SandboxAccount;
  access: AccessControl;
  now: () => number;
  commandDocuments: OwnDocument[];
}

const NEW_NAME = { pattern: /^[a-zA-Z0-9_\-.]{3,128}$/ } as const;
const NAME = { pattern: /^[a-zA-Z0-9_\-.:/]{3,128}$/ } as const;
const VERSION = { pattern: /^([$]LATEST|[$]DEFAULT|[1-9][0-9]*)$/ } as const;
const MAX_BYTES = 65_536;

/** CreateDocument, UpdateDocument, DescribeDocument, GetDocument, DeleteDocument of Command documents. */
export function documentOperations(options: DocumentOptions): Record<string, JsonOperation> {
  const { commandDocuments, now } = options;
  const newVersion = (content: string, version: number): DocumentVersion => {
    checkContent(content);
    const hash = createHash('sha256').update(content).digest('hex');
    return { version, content, hash, createdAtMs: now() };
  };
  return {
    CreateDocument: (input, call) => {
      const name = input.requiredText('Name', NEW_NAME);
      const content = input.requiredText('Content', { min: 1 });
      const type = input.text('DocumentType') ?? 'Command';
      const format = input.text('DocumentFormat', { oneOf: ['YAML', 'JSON', 'TEXT'] }) ?? 'JSON';
      input.check();
      requireDocument(options, call, 'CreateDocument', name);
      if (type !== 'Command' || format !== 'JSON' || /^(aws|amazon|amzn)/i.test(name)) {
        throw new ServiceError(
          'ValidationException',
          'The sandbox serves Command documents in JSON.',
        );
      }
      if (commandDocuments.some((each) => each.name === name && each.region === call.region)) {
        throw new ServiceError('DocumentAlreadyExists', '', 400, {
          Message: `Document with same name ${name} already exists`,
        });
      }
      const { region } = call;
      const document = { name, region, versions: [newVersion(content, 1)], defaultVersion: 1 };
      commandDocuments.push(document);
      return { DocumentDescription: description(options, document, document.versions[0]) };
    },
    UpdateDocument: (input, call) => {
      const name = input.requiredText('Name', NEW_NAME);
      const content = input.requiredText('Content', { min: 1 });
      input.text('DocumentVersion', VERSION);
      input.check();
      requireDocument(options, call, 'UpdateDocument', name);
      const document = findOwn(options, call, name);
      const last = document.versions.at(-1);
      if (last?.content === content) throw new ServiceError('DuplicateDocumentContent', '');
      const version = newVersion(content, (last?.version ?? 0) + 1);
      document.versions.push(version);
      return { DocumentDescription: description(options, document, version) };
    },
    DescribeDocument: (input, call) => {
      const { document, version } = readDocument(options, input, call, 'DescribeDocument');
      return { Document: description(options, document, version) };
    },
    GetDocument: (input, call) => {
      const { document, version } = readDocument(options, input, call, 'GetDocument');
      return {
        Name: document.name,
        DocumentVersion: String(version.version),
        Status: 'Active',
        Content: version.content,
        DocumentType: 'Command',
        DocumentFormat: 'JSON',
      };
    },
    DeleteDocument: (input, call) => {
      const name = input.requiredText('Name', NEW_NAME);
      input.check();
      requireDocument(options, call, 'DeleteDocument', name);
      commandDocuments.splice(commandDocuments.indexOf(findOwn(options, call, name)), 1);
      return {};
    },
  };
}

/**
 * A version of a document.
 *
 * @param wanted a number, `$DEFAULT` or `$LATEST`
 * @throws ServiceError InvalidDocumentVersion
 */
export function versionOf(document: OwnDocument, wanted = '$DEFAULT'): DocumentVersion {
  const number =
    wanted === '$LATEST'
      ? document.versions.at(-1)?.version
      : wanted === '$DEFAULT'
        ? document.defaultVersion
        : Number(wanted);
  const found = document.versions.find(({ version }) => version === number);
  if (found !== undefined) return found;
  throw new ServiceError('InvalidDocumentVersion', '', 400, {
    Message: `Document version ${wanted} is not valid.`,
  });
}

function readDocument(options: DocumentOptions, input: JsonInput, call: Call, action: string) {
  const name = input.requiredText('Name', NAME);
  const wanted = input.text('DocumentVersion', VERSION);
  input.check();
  requireDocument(options, call, action, name);
  const document = findOwn(options, call, name);
  return { document, version: versionOf(document, wanted) };
}

function findOwn({ commandDocuments }: DocumentOptions, { region }: Call, name: string) {
  const found = commandDocuments.find((each) => each.name === name && each.region === region);
  if (found !== undefined) return found;
  throw new ServiceError('InvalidDocument', '', 400, {
    Message: `Document with name ${name} does not exist.`,
  });
}

function requireDocument(
  { account, access }: DocumentOptions,
  call: Call,
  action: string,
  name: string,
): void {
  const resource = `arn:aws:ssm:${call.region}:${account.accountId}:document/${name}`;
  access.require(call, { action: `ssm:${action}`, resource });
}

function description(
  { account }: DocumentOptions,
  document: OwnDocument,
  version: DocumentVersion | undefined,
): Record<string, unknown> {
  return {
    Name: document.name,
    Hash: version?.hash,
    HashType: 'Sha256',
    Owner: account.accountId,
    CreatedDate: (version?.createdAtMs ?? 0) / 1000,
    Status: 'Active',
    DocumentVersion: String(version?.version),
    DocumentType: 'Command',
    SchemaVersion: '2.2',
    DocumentFormat: 'JSON',
    DefaultVersion: String(document.defaultVersion),
    LatestVersion: String(document.versions.at(-1)?.version),
    PlatformTypes: ['Linux', 'MacOS'],
    Parameters: [],
    Tags: [],
  };
}

/** @throws ServiceError InvalidDocumentContent, InvalidDocumentSchemaVersion, MaxDocumentSizeExceeded */
function checkContent(content: string): void {
  if (Buffer.byteLength(content) > MAX_BYTES) throw new ServiceError('MaxDocumentSizeExceeded', '');
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new ServiceError('InvalidDocumentContent', '', 400, { Message: 'JSON not well-formed.' });
  }
  const { schemaVersion, mainSteps } = value as { schemaVersion?: unknown; mainSteps?: unknown };
  if (schemaVersion !== '2.2') throw new ServiceError('InvalidDocumentSchemaVersion', '');
  const steps = Array.isArray(mainSteps) ? (mainSteps as { action?: unknown }[]) : [];
  if (steps.length === 1 && steps[0]?.action === 'aws:runShellScript') return;
  throw new ServiceError('InvalidDocumentContent', '', 400, {
    Message: 'The sandbox runs one step of aws:runShellScript.',
  });
}
