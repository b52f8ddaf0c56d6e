import { DevaccessError } from '../../platform/errors.ts';
import type { SessionApi, SessionRequest } from '../session-api.ts';
import { startSession } from '../start-session.ts';

/** What StartSession says to one document. */
export interface DocumentTrial {
  /** Undefined: the account's own shell. */
  documentName: string | undefined;
  /** Undefined: it was allowed. */
  refusal: DevaccessError | undefined;
}

export interface DocumentTrials {
  trials: DocumentTrial[];
  /** Undefined: sessions can be ended, or none was started. */
  endRefusal: DevaccessError | undefined;
}

/**
 * Starts a session with each document on a node, and ends it at once: nothing else tells whether AWS
 * lets the caller. No data channel is opened, so nothing runs on the node.
 */
export async function tryDocuments(
  api: SessionApi,
  target: string,
  documents: readonly Omit<SessionRequest, 'target'>[],
  stop: AbortSignal,
): Promise<DocumentTrials> {
  const trials: DocumentTrial[] = [];
  let endRefusal: DevaccessError | undefined;
  // One after the other: StartSession is throttled at a few a second.
  for (const { documentName, ...request } of documents) {
    const named = documentName === undefined ? {} : { documentName };
    try {
      const session = await startSession(api, { ...request, ...named, target }, stop);
      if (session === undefined) break;
      trials.push({ documentName, refusal: undefined });
      endRefusal ??= await refusalOf(api.terminate(session.sessionId));
    } catch (error) {
      if (!(error instanceof DevaccessError)) throw error;
      trials.push({ documentName, refusal: error });
    }
  }
  return { trials, endRefusal };
}

async function refusalOf(call: Promise<void>): Promise<DevaccessError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof DevaccessError) return error;
    throw error;
  }
}
