import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InstanceMetadata } from './instance-metadata.ts';
import type { InstanceMetadataOptions } from './instance-metadata.ts';

/** The metadata service of an instance, on loopback. */
export interface MetadataListener {
  /** For AWS_EC2_METADATA_SERVICE_ENDPOINT. */
  readonly endpoint: string;
  readonly metadata: InstanceMetadata;
  close: () => Promise<void>;
}

/** Serves the metadata of an instance on a free port of 127.0.0.1. */
export async function listenForMetadata(
  options: InstanceMetadataOptions,
): Promise<MetadataListener> {
  const metadata = new InstanceMetadata(options);
  const server = createServer({ maxHeaderSize: 8 * 1024, requestTimeout: 10_000 });
  server.on('request', ({ method = '', url: target = '', headers }, response) => {
    const { status, headers: given, body } = metadata.answer({ method, target, headers });
    response.writeHead(status, { ...given, 'content-length': Buffer.byteLength(body) }).end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    metadata,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
