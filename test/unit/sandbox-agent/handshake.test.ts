import { describe, expect, it } from 'vitest';
import { checkHandshakeResponse } from '../../../src/sandbox/agent/handshake.ts';

const ANSWER = { ActionType: 'SessionType', ActionStatus: 1, ActionResult: null, Error: '' };

function check(changes: Record<string, unknown>, requested = ['SessionType']) {
  const response = {
    ClientVersion: '1.2.792.0',
    ProcessedClientActions: [ANSWER],
    Errors: null,
    ...changes,
  };
  return checkHandshakeResponse(Buffer.from(JSON.stringify(response)), requested);
}

describe('a HandshakeResponse', () => {
  it('passes when every action was answered', () => {
    expect(check({})).toEqual({ ok: true, clientVersion: '1.2.792.0', kms: undefined });
  });

  it.each([
    ['no version', { ClientVersion: '' }, 'ClientVersion is not a version'],
    ['no actions', { ProcessedClientActions: null }, 'ProcessedClientActions is not an array'],
    ['an answer left out', { ProcessedClientActions: [] }, 'SessionType was not answered'],
    [
      'an answer given twice',
      { ProcessedClientActions: [ANSWER, ANSWER] },
      'SessionType was answered twice',
    ],
    [
      'an answer nobody asked for',
      { ProcessedClientActions: [ANSWER, { ...ANSWER, ActionType: 'Other' }] },
      'an action was answered that was not requested',
    ],
    [
      'a failure',
      { ProcessedClientActions: [{ ...ANSWER, ActionStatus: 2, Error: 'no' }] },
      'SessionType failed on client with status 2 error: no',
    ],
    ['errors that are no list', { Errors: 'none' }, 'Errors is not an array'],
  ])('fails with %s', (_name, changes, reason) => {
    expect(check(changes)).toEqual({ ok: false, reason });
  });

  it.each(['', 'null', '[]', '{'])('fails when it is %j', (text) => {
    expect(checkHandshakeResponse(Buffer.from(text), ['SessionType'])).toEqual({
      ok: false,
      reason: 'the response is not a JSON object',
    });
  });

  it('carries the answer to KMSEncryption', () => {
    const kms = (result: unknown) =>
      check(
        {
          ProcessedClientActions: [
            ANSWER,
            { ...ANSWER, ActionType: 'KMSEncryption', ActionResult: result },
          ],
        },
        ['SessionType', 'KMSEncryption'],
      );
    expect(kms({ KMSCipherTextKey: 'a2V5', KMSCipherTextHash: null })).toMatchObject({
      ok: true,
      kms: { ciphertextKey: Buffer.from('key'), challengeAcknowledged: false },
    });
    expect(kms({ KMSCipherTextKey: 'a2V5', ChallengeAcknowledgement: true })).toMatchObject({
      kms: { challengeAcknowledged: true },
    });
    expect(kms(null)).toEqual({ ok: false, reason: 'the KMSEncryption result is malformed' });
  });
});
