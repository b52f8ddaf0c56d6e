import { linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { errorCode } from '../../platform/file-errors.ts';
import { makePrivateFolder } from '../../platform/private-folder.ts';
import { listenOnUnixSocket } from '../../platform/unix-listener.ts';
import {
  AGENT,
  agentMessage,
  AgentMessageReader,
  SshStrings,
  sshString,
  uint32,
} from './agent-messages.ts';
import type { AgentMessage } from './agent-messages.ts';
import type { MemoryKey } from './memory-key.ts';

/** ssh asks its agent within this time after it was started, or never. */
const LOOK_EVERY_MS = 100;
/** How long an ssh that is logging in by way of this agent is waited for at the end. */
const LAST_ANSWERS_MS = 3_000;
const MAX_CONNECTIONS = 64;

export interface KeyAgentOptions {
  /** Where ssh looks for it: IdentityAgent. */
  path: string;
  key: MemoryKey;
  /** Resolves when the key may be used; false: it may not be. Called for each ssh that asks. */
  isUsable: () => Promise<boolean>;
}

/**
 * An agent with one key, for as long as a connection lasts. Every connection to a server has an agent,
 * and all of a server are at the same path, the latest in front: whichever ssh finds there does.
 */
export class KeyAgent {
  readonly #options: KeyAgentOptions;
  readonly #ownPath: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #watch: NodeJS.Timeout | undefined;

  private constructor(options: KeyAgentOptions) {
    this.#options = options;
    this.#ownPath = `${options.path}.${process.pid}`;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws DevaccessError DA_FOLDER_UNSAFE; NodeJS.ErrnoException of listen(2), ENAMETOOLONG */
  static async start(options: KeyAgentOptions): Promise<KeyAgent> {
    makePrivateFolder(dirname(options.path));
    const agent = new KeyAgent(options);
    await listenOnUnixSocket(agent.#server, agent.#ownPath);
    agent.#server.unref();
    agent.#show();
    // The agent in front takes itself away when its connection ends.
    agent.#watch = setInterval(() => agent.#showIfGone(), LOOK_EVERY_MS);
    agent.#watch.unref();
    return agent;
  }

  /** Whoever is being answered is answered first. */
  async close(): Promise<void> {
    clearInterval(this.#watch);
    if (this.#isInFront()) rmSync(this.#options.path, { force: true });
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, LAST_ANSWERS_MS);
    await closed;
    clearTimeout(timer);
    rmSync(this.#ownPath, { force: true });
  }

  #show(): void {
    const link = `${this.#ownPath}.new`;
    try {
      rmSync(link, { force: true });
      linkSync(this.#ownPath, link);
      renameSync(link, this.#options.path);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }

  #showIfGone(): void {
    try {
      statSync(this.#options.path);
    } catch {
      this.#show();
    }
  }

  #isInFront(): boolean {
    try {
      return statSync(this.#options.path).ino === statSync(this.#ownPath).ino;
    } catch {
      return false;
    }
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const reader = new AgentMessageReader();
    let answering = Promise.resolve();
    socket.on('data', (bytes: Buffer) => {
      try {
        for (const message of reader.receive(bytes)) {
          answering = answering.then(async () => {
            const answer = await this.#answer(message);
            if (!socket.destroyed) socket.write(answer);
          });
          answering.catch(() => socket.destroy());
        }
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #answer({ type, body }: AgentMessage): Promise<Buffer> {
    const { key, isUsable } = this.#options;
    if (type === AGENT.requestIdentities) {
      const usable = await isUsable();
      const keys = usable ? [sshString(key.blob), sshString('devaccess')] : [];
      return agentMessage(AGENT.identitiesAnswer, uint32(usable ? 1 : 0), ...keys);
    }
    if (type === AGENT.signRequest) {
      const strings = new SshStrings(body);
      const blob = strings.next();
      const data = strings.next();
      if (blob.equals(key.blob)) {
        return agentMessage(AGENT.signResponse, sshString(key.sign(data)));
      }
    }
    return agentMessage(AGENT.failure);
  }
}
