import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { credentialChain } from '../../../src/aws/credential-chain.ts';

it('asks STS for the web identity of a profile through the proxy, in its own partition', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-web-identity-'));
  const config = join(folder, 'config');
  const token = join(folder, 'token');
  writeFileSync(token, 'a.web.token');
  const settings = `role_arn=arn:aws-cn:iam::123456789012:role/w\nweb_identity_token_file=${token}\n`;
  writeFileSync(config, `[profile web]\nregion=cn-north-1\n${settings}`);
  const asked: (string | undefined)[] = [];
  const proxy = createServer();
  proxy.on('connect', ({ url }, socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const none = { AWS_REGION: '', AWS_ENDPOINT_URL: '', NO_PROXY: '', no_proxy: '' };
  const env = {
    ...none,
    AWS_CONFIG_FILE: config,
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    HTTPS_PROXY: `http://127.0.0.1:${port}`,
  };
  // The SDK reads the process's own.
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    await expect(credentialChain({ profile: 'web', env })()).rejects.toThrow(/refused/);
    expect(new Set(asked)).toEqual(new Set(['sts.cn-north-1.amazonaws.com.cn:443']));
  } finally {
    vi.unstubAllEnvs();
    proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
