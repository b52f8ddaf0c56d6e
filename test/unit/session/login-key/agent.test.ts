import { createPublicKey, verify } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AGENT,
  agentMessage,
  AgentMessageReader,
  SshStrings,
  sshString,
  uint32,
} from '../../../../src/session/login-key/agent-messages.ts';
import type { AgentMessage } from '../../../../src/session/login-key/agent-messages.ts';
import { KeyAgent } from '../../../../src/session/login-key/key-agent.ts';
import { newMemoryKey } from '../../../../src/session/login-key/memory-key.ts';
import { agentPublicLine } from '../../../../src/session/login-key/person-agent.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'devaccess-agent-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Sends one message and waits for one, or for the end. */
function ask(path: string, message: Buffer): Promise<AgentMessage | 'closed'> {
  return new Promise((resolve, reject) => {
    const reader = new AgentMessageReader();
    const socket = connect(path, () => socket.write(message));
    socket.on('data', (bytes: Buffer) => {
      const [answer] = reader.receive(bytes);
      if (answer === undefined) return;
      resolve(answer);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve('closed'));
  });
}

describe('messages', () => {
  it('are read however the stream is cut', () => {
    const message = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.integer({ min: 1, max: 40 }),
        (all, size) => {
          const stream = Buffer.concat(
            all.map(([type, body]) => agentMessage(type, Buffer.from(body))),
          );
          const reader = new AgentMessageReader();
          const found: AgentMessage[] = [];
          for (let at = 0; at < stream.length; at += size) {
            found.push(...reader.receive(stream.subarray(at, at + size)));
          }
          expect(found.map(({ type, body }) => [type, [...body]])).toEqual(
            all.map(([type, body]) => [type, [...body]]),
          );
        },
      ),
    );
  });

  it('that are none or too long are refused', () => {
    expect(() => new AgentMessageReader().receive(uint32(0))).toThrow(RangeError);
    expect(() => new AgentMessageReader().receive(uint32(1 << 20))).toThrow(RangeError);
    expect(() => new SshStrings(uint32(9)).next()).toThrow(RangeError);
  });
});

describe('the agent of a connection', () => {
  const start = (isUsable = true, key = newMemoryKey()) =>
    KeyAgent.start({
      path: join(folder, 'k', 'i-1'),
      key,
      isUsable: () => Promise.resolve(isUsable),
    });

  it('has one key, and signs with it alone', async () => {
    const key = newMemoryKey();
    const agent = await start(true, key);
    const path = join(folder, 'k', 'i-1');
    const identities = await ask(path, agentMessage(AGENT.requestIdentities));
    if (identities === 'closed') throw new Error('closed');
    const strings = new SshStrings(identities.body);
    expect([strings.uint32(), strings.next()]).toEqual([1, key.blob]);
    const data = Buffer.from('what is signed');
    const request = (blob: Buffer): Buffer =>
      agentMessage(AGENT.signRequest, sshString(blob), sshString(data), uint32(0));
    const signed = await ask(path, request(key.blob));
    if (signed === 'closed') throw new Error('closed');
    const signature = new SshStrings(new SshStrings(signed.body).next());
    expect(signature.next().toString()).toBe('ssh-ed25519');
    const x = key.blob.subarray(-32).toString('base64url');
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    expect(verify(null, data, publicKey, signature.next())).toBe(true);
    expect(await ask(path, request(newMemoryKey().blob))).toMatchObject({ type: AGENT.failure });
    expect(await ask(path, agentMessage(17))).toMatchObject({ type: AGENT.failure });
    expect(await ask(path, agentMessage(AGENT.signRequest, uint32(99)))).toBe('closed');
    await agent.close();
    expect(readdirSync(join(folder, 'k'))).toEqual([]);
  });

  it('has none as long as the key cannot be used', async () => {
    const agent = await start(false);
    const answer = await ask(join(folder, 'k', 'i-1'), agentMessage(AGENT.requestIdentities));
    expect(answer).toMatchObject({ type: AGENT.identitiesAnswer, body: uint32(0) });
    await agent.close();
  });

  it('is found by its key in the agent of a person', async () => {
    const key = newMemoryKey();
    const agent = await start(true, key);
    const env = { SSH_AUTH_SOCK: join(folder, 'k', 'i-1') };
    expect(await agentPublicLine(env)).toBe(key.publicLine);
    await agent.close();
    await expect(agentPublicLine(env)).rejects.toMatchObject({ code: 'DA_SSH_AGENT' });
    await expect(agentPublicLine({})).rejects.toMatchObject({ code: 'DA_SSH_AGENT' });
    expect(existsSync(env.SSH_AUTH_SOCK)).toBe(false);
  });
});
