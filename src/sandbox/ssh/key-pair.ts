import ssh2 from 'ssh2';

const ATTEMPTS = 10;

/**
 * A new ed25519 key pair in OpenSSH form. About one in 300 that ssh2 1.17 makes cannot be read
 * back ("Malformed OpenSSH private key"), so each is tried before it is handed out.
 */
export function newKeyPair(comment: string): { private: string; public: string } {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new Error('ssh2 made no readable key');
}
