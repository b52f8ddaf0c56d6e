import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An STS that accepts the made-up keys of the recorded files and notes what it was asked. */
export interface StsDouble {
  url: string;
  /** Parameters of each GetSessionToken and AssumeRole. */
  calls: Record<string, string>[];
  session: { accessKeyId: string; secretAccessKey: string; sessionToken: string };
  close: () => void;
}

export async function startStsDouble(): Promise<StsDouble> {
  const calls: Record<string, string>[] = [];
  const session = {
    accessKeyId: 'ASIAEXAMPLEEXAMPLE77',
    secretAccessKey: 'made/up+secret',
    sessionToken: 'made/up+token==',
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const call = Object.fromEntries(new URLSearchParams(body));
      calls.push(call);
      const action = call.Action ?? '';
      const lastsMs = Number(call.DurationSeconds ?? 3600) * 1000;
      const expiration = new Date(Date.now() + lastsMs).toISOString();
      response
        .setHeader('content-type', 'text/xml')
        .end(
          `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">` +
            `<${action}Result><Credentials><AccessKeyId>${session.accessKeyId}</AccessKeyId>` +
            `<SecretAccessKey>${session.secretAccessKey}</SecretAccessKey>` +
            `<SessionToken>${session.sessionToken}</SessionToken>` +
            `<Expiration>${expiration}</Expiration></Credentials></${action}Result>` +
            `</${action}Response>`,
        );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, calls, session, close: () => void server.close() };
}
