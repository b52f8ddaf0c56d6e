import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { GatewayOptions } from '../../src/sandbox/gateway/gateway-options.ts';
import { SEED } from '../../src/sandbox/seed.ts';
import { PAYLOAD_TYPE } from '../../src/session/protocol/message/constants.ts';
import { decodeMessage, encodeMessage } from '../../src/session/protocol/message/message.ts';
import { Front } from './support/front.ts';
import { Person } from './support/person.ts';

let person: Person | undefined;
afterEach(async () => {
  await person?.noSessionIsOpen();
  await person?.leave();
  person = undefined;
});

/** A person whose sessions are encrypted with a KMS key of the account. */
async function arrive(
  decrypt?: (plaintext: Buffer) => Buffer,
  onFrame?: GatewayOptions['onFrame'],
): Promise<Person> {
  const arrived: Person = await Person.arrive({
    agent: {
      kms: {
        keyId: SEED.kmsAlias,
        requireChallenge: true,
        decrypt: async (ciphertext, context) => {
          const plaintext = await arrived.aws.sandbox.kmsDecrypt(ciphertext, context);
          return decrypt?.(plaintext) ?? plaintext;
        },
      },
    },
    ...(onFrame === undefined ? {} : { gateway: { onFrame } }),
  });
  await arrived.startDay();
  person = arrived;
  return arrived;
}

describe('a session encrypted with KMS', () => {
  it('carries ssh, cuts included, and says that it is encrypted', async () => {
    let outputs = 0;
    const readable: Buffer[] = [];
    const alice = await arrive(undefined, ({ frame, forward, sessionId }) => {
      const decoded = decodeMessage(frame);
      if (decoded.ok && decoded.message.payloadType === PAYLOAD_TYPE.output) {
        outputs += 1;
        readable.push(Buffer.from(decoded.message.payload));
        if (outputs === 300) alice.aws.gateway.cutClient(sessionId);
      }
      forward(frame);
    });
    const log = join(alice.home, 'log');
    const data = randomBytes(512 * 1024);
    const run = await alice.run('ssh', ['bastion', 'cat'], {
      input: data,
      env: { DEVACCESS_LOG: log },
    });
    expect(run.code).toBe(0);
    expect(run.stdout.equals(data)).toBe(true);
    expect(run.stderr).toContain('This session is encrypted using AWS KMS.');
    expect(outputs).toBeGreaterThan(1000);
    expect(Buffer.concat(readable).includes('SSH-2.0')).toBe(false);
    const text = readFileSync(log, 'utf8');
    expect(text).toContain('"event":"resuming"');
    expect(statSync(log).mode & 0o777).toBe(0o600);
  });

  it('ends with a clear error when the agent proves another key', async () => {
    const alice = await arrive((plaintext) => Buffer.from(plaintext).reverse());
    const run = await alice.run('devaccess-proxy', [alice.bastionId, '22']);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/encryption challenge does not match the key\. \[DA_ENCRYPTION\]/);
  });

  it('ends with a clear error when a message was changed on its way', async () => {
    const alice = await arrive(undefined, ({ frame, forward, direction }) => {
      const decoded = decodeMessage(frame);
      const isOutput =
        direction === 'to-client' &&
        decoded.ok &&
        decoded.message.payloadType === PAYLOAD_TYPE.output;
      if (!isOutput) {
        forward(frame);
        return;
      }
      const payload = Buffer.from(decoded.message.payload);
      payload.writeUInt8(payload.readUInt8(20) ^ 1, 20);
      forward(encodeMessage({ ...decoded.message, payload }));
    });
    const run = await alice.run('devaccess-proxy', [alice.bastionId, '22']);
    expect(run.code).toBe(1);
    expect(run.stdout).toHaveLength(0);
    expect(run.stderr).toMatch(/could not be decrypted\. \[DA_ENCRYPTION\]/);
  });

  it('says which permission is missing', async () => {
    const alice = await arrive();
    const front = await Front.open(alice.aws.sandbox.endpoint);
    front.api = (operation) =>
      operation === 'TrentService.GenerateDataKey' ? { awsError: 'AccessDeniedException' } : 'pass';
    const run = await alice.run('devaccess-proxy', [alice.bastionId, '22'], { env: front.env });
    front.close();
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/KMS GenerateDataKey.*\[DA_ACCESS_DENIED\]/);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
