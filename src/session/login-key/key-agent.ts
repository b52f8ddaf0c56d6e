import { linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
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

/** How soon an agent notices that nobody is in front. */
const LOOK_EVERY_MS = 100;
/** Longer than that: until then one that has ended its work is still there for whoever finds it. */
const LINGER_MS = 150;
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
  #inode: number | undefined;

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
    agent.#inode = inodeOf(agent.#ownPath);
    agent.#putInFront(agent.#ownPath);
    agent.#watch = setInterval(() => agent.#showIfGone(), LOOK_EVERY_MS);
    agent.#watch.unref();
    return agent;
  }

  /** Another agent of the server takes the place in front; whoever has come here is answered first. */
  async close(): Promise<void> {
    clearInterval(this.#watch);
    // Nobody is to put this one in front any more.
    rmSync(this.#ownPath, { force: true });
    if (inodeOf(this.#options.path) === this.#inode) this.#handOver();
    await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, LAST_ANSWERS_MS);
    await closed;
    clearTimeout(timer);
  }

  #handOver(): void {
    if (this.#others().some((other) => this.#putInFront(other.path))) return;
    rmSync(this.#options.path, { force: true });
  }

  /** Where nobody is in front, or one that is no more. */
  #showIfGone(): void {
    const front = inodeOf(this.#options.path);
    const isThere = front === this.#inode || this.#others().some(({ inode }) => inode === front);
    if (front === undefined || !isThere) this.#putInFront(this.#ownPath);
  }

  /** @returns false for one that has just gone */
  #putInFront(path: string): boolean {
    const link = `${this.#options.path}.new.${process.pid}`;
    try {
      rmSync(link, { force: true });
      linkSync(path, link);
      renameSync(link, this.#options.path);
      // Of two names of one file rename(2) leaves both.
      rmSync(link, { force: true });
      return true;
    } catch {
      // Also where the folder has gone: no reason to end the connection.
      return false;
    }
  }

  /** The other agents of this server; what killed ones left is removed. */
  #others(): { path: string; inode: number | undefined }[] {
    const folder = dirname(this.#options.path);
    const head = `${basename(this.#options.path)}.`;
    return namesIn(folder).flatMap((name) => {
      const pid = name.startsWith(head) ? Number(name.slice(head.length)) : NaN;
      if (!Number.isInteger(pid) || pid === process.pid) return [];
      const path = join(folder, name);
      if (isAlive(pid)) return [{ path, inode: inodeOf(path) }];
      rmSync(path, { force: true });
      return [];
    });
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

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
