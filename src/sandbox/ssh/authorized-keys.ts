import { createHash, timingSafeEqual } from 'node:crypto';
import ssh2 from 'ssh2';
import type { AuthContext, ParsedKey } from 'ssh2';

interface KnownKey {
  key: ParsedKey;
  digest: Buffer;
}

/** The public keys that may log in to a host. */
export class AuthorizedKeys {
  readonly #keys: KnownKey[];
  readonly #others: (user: string) => readonly string[];

  /**
   * @param lines OpenSSH public keys, `ssh-ed25519 AAAA… comment`, one a line
   * @param others more lines, which are looked up at each login; what is no public key does not count
   * @throws TypeError when one is not a public key
   */
  constructor(lines: readonly string[], others: (user: string) => readonly string[] = () => []) {
    this.#keys = lines.map((line) => {
      const key = knownKey(line);
      if (key instanceof Error) throw new TypeError(`not an SSH public key: ${key.message}`);
      return key;
    });
    this.#others = others;
  }

  /** Answers one authentication request: public keys only, no password and no `none`. */
  authenticate(context: AuthContext): void {
    if (context.method !== 'publickey') {
      context.reject(['publickey']);
      return;
    }
    const offered = digestOf(context.key.data);
    let authorized: ParsedKey | undefined;
    // Every key is compared, in constant time, so that timing says nothing about the list.
    const others = this.#others(context.username).map(knownKey);
    const found = others.flatMap((other) => (other instanceof Error ? [] : [other]));
    for (const { key, digest } of [...this.#keys, ...found]) {
      if (timingSafeEqual(digest, offered)) authorized = key;
    }
    if (authorized === undefined) {
      context.reject(['publickey']);
      return;
    }
    // Without a signature the client only asks whether the key would do.
    const { blob, signature, hashAlgo } = context;
    if (signature === undefined || blob === undefined) {
      context.accept();
      return;
    }
    // ssh2 answers an Error, which is truthy, where it could not verify at all.
    const verified: unknown = authorized.verify(blob, signature, hashAlgo);
    if (verified === true) context.accept();
    else context.reject(['publickey']);
  }
}

function knownKey(line: string): KnownKey | Error {
  const key = ssh2.utils.parseKey(line);
  return key instanceof Error ? key : { key, digest: digestOf(key.getPublicSSH()) };
}

function digestOf(publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey).digest();
}
