import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Authority } from '../../integration/support/authority.ts';

describe('a certificate of our own authority', () => {
  it.each(['rsa', 'P-256', 'P-384'] as const)('is one to OpenSSL: %s', (kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'devaccess-issue-'));
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const root = Authority.root();
    const middle = root.intermediate('middle');
    const { certificate } = middle.issue('node-1', { kind, serialNumber: (1n << 159n) + 1n });
    const verified = execFileSync('openssl', [
      ...['verify', '-x509_strict', '-purpose', 'sslclient'],
      ...['-CAfile', write('root.pem', root.certificate)],
      ...['-untrusted', write('middle.pem', middle.certificate), write('leaf.pem', certificate)],
    ]);
    expect(verified.toString()).toMatch(/leaf\.pem: OK/);
    const text = execFileSync('openssl', [
      'x509',
      '-noout',
      '-text',
      '-in',
      join(folder, 'leaf.pem'),
    ]);
    expect(text.toString()).toMatch(/Key Usage: critical\n\s+Digital Signature\n/);
    expect(text.toString()).toMatch(/Basic Constraints: critical\n\s+CA:FALSE\n/);
    expect(new X509Certificate(certificate).subject).toBe('O=devaccess\nCN=node-1');
    rmSync(folder, { recursive: true });
  });
});
