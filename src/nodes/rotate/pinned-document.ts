import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DevaccessError, printable } from '../../platform/errors.ts';
import type { NodeApi } from '../node-api.ts';
import type { CommandDocument } from './command-document.ts';

/** A version of a document whose content was looked at, and that cannot change. */
export interface PinnedDocument {
  name: string;
  version: string;
  /** As the service made it; SendCommand refuses another. */
  hash: string;
}

/** A document that was just made cannot be sent for a moment. */
const TRIES = 40;
const PAUSE_MS = 500;

/**
 * Finds our document in the account, or makes it, and pins the version whose content is ours: root of
 * every node runs what is in it, so that another content is never run.
 *
 * @param mayUpdate makes a new version where the document is another one
 * @throws DevaccessError DA_NODE_DOCUMENT where it is another one; DA_ACCESS_DENIED
 */
export async function pinDocument(
  api: NodeApi,
  document: CommandDocument,
  mayUpdate: boolean,
): Promise<PinnedDocument> {
  const found = (await describe(api, document.name, '$LATEST')) ?? (await create(api, document));
  if (await isOurs(api, found, document)) return found;
  const fallback = await describe(api, document.name, '$DEFAULT');
  if (fallback !== undefined && (await isOurs(api, fallback, document))) return fallback;
  if (mayUpdate) return verified(api, await update(api, document), document);
  throw new DevaccessError(
    'DA_NODE_DOCUMENT',
    `The document ${document.name} in ${api.region} is not the one of this version of devaccess: nothing was sent`,
    { next: 'look who changed it; --update-document makes a new version of it' },
  );
}

/** A version of it; undefined where there is none, or not yet. */
async function describe(
  api: NodeApi,
  name: string,
  version: string,
): Promise<PinnedDocument | undefined> {
  const { DescribeDocumentCommand } = await import('../ssm-commands.ts');
  const missing = new DevaccessError('DA_NODE_DOCUMENT', 'missing');
  try {
    const { Document } = await api.call(
      'DescribeDocument',
      (client) =>
        client.send(new DescribeDocumentCommand({ Name: name, DocumentVersion: version })),
      (error) => (error.name === 'InvalidDocument' ? missing : undefined),
    );
    const isComing = Document?.Status === 'Creating' || Document?.Status === 'Updating';
    return isComing ? undefined : readDescription(api, name, Document);
  } catch (error) {
    if (error === missing) return undefined;
    throw error;
  }
}

/** Another run may make it at the same moment. */
async function create(api: NodeApi, document: CommandDocument): Promise<PinnedDocument> {
  const { CreateDocumentCommand } = await import('../ssm-commands.ts');
  const { name, content } = document;
  const present = new DevaccessError('DA_NODE_DOCUMENT', 'present');
  try {
    await api.call(
      'CreateDocument',
      (client) =>
        client.send(
          new CreateDocumentCommand({
            Name: name,
            Content: content,
            DocumentType: 'Command',
            DocumentFormat: 'JSON',
            TargetType: '/',
          }),
        ),
      (error) => (error.name === 'DocumentAlreadyExists' ? present : undefined),
    );
  } catch (error) {
    if (error !== present) throw error;
  }
  return untilThere(api, name, '$LATEST');
}

/** The service needs a moment for what it was given. */
async function untilThere(api: NodeApi, name: string, version: string): Promise<PinnedDocument> {
  for (let left = TRIES; left > 0; left -= 1) {
    const found = await describe(api, name, version);
    if (found !== undefined) return found;
    await delay(PAUSE_MS);
  }
  throw api.strange('DescribeDocument', `${name} does not become active`);
}

async function update(api: NodeApi, document: CommandDocument): Promise<PinnedDocument> {
  const { UpdateDocumentCommand } = await import('../ssm-commands.ts');
  const { name, content } = document;
  const { DocumentDescription } = await api.call('UpdateDocument', (client) =>
    client.send(
      new UpdateDocumentCommand({
        Name: name,
        Content: content,
        DocumentVersion: '$LATEST',
        DocumentFormat: 'JSON',
      }),
    ),
  );
  const { version } = readDescription(api, name, DocumentDescription);
  return untilThere(api, name, version);
}

async function verified(
  api: NodeApi,
  pinned: PinnedDocument,
  document: CommandDocument,
): Promise<PinnedDocument> {
  if (await isOurs(api, pinned, document)) return pinned;
  throw api.strange('GetDocument', 'another document than was made');
}

/** By its content: how the service makes its hash is its own affair. */
async function isOurs(
  api: NodeApi,
  { name, version }: PinnedDocument,
  { content }: CommandDocument,
): Promise<boolean> {
  const { GetDocumentCommand } = await import('../ssm-commands.ts');
  const { Content = '' } = await api.call('GetDocument', (client) =>
    client.send(
      new GetDocumentCommand({ Name: name, DocumentVersion: version, DocumentFormat: 'JSON' }),
    ),
  );
  if (Content === content) return true;
  try {
    return isDeepStrictEqual(JSON.parse(Content), JSON.parse(content));
  } catch {
    return false;
  }
}

function readDescription(
  api: NodeApi,
  name: string,
  description: { Hash?: string | undefined; DocumentVersion?: string | undefined } | undefined,
): PinnedDocument {
  const { Hash: hash = '', DocumentVersion: version = '' } = description ?? {};
  if (/^[0-9a-f]{64}$/i.test(hash) && /^[1-9]\d*$/.test(version)) return { name, version, hash };
  throw api.strange(
    'DescribeDocument',
    `a hash or version of another form (${printable(version)})`,
  );
}
