import type { CertificateFacts, Inspection } from '../../roles-anywhere/inspect.ts';

/** What `devaccess anywhere inspect` tells a person. */
export function inspectionLines(found: Inspection): string[] {
  const { certificate, chain, keyMatches, request, problems, notes } = found;
  const rows: [string, string][] = [
    ['subject', certificate.subject],
    ['issuer', certificate.issuer],
    ['serial', `${found.serialNumber} (hex ${certificate.serialNumberHex})`],
    ['valid', validity(certificate)],
    ['key', `${certificate.key}, signed with ${certificate.signatureAlgorithm}`],
    ['usage', usage(certificate)],
    ['SHA-256', certificate.fingerprint],
    ...chain.map((each): [string, string] => ['sent along', `${each.subject}, ${validity(each)}`]),
    ['trust anchor', `must hold ${found.topIssuer}`],
    ...(keyMatches === null ? [] : [['private key', keyLine(keyMatches)] as [string, string]]),
    ...(request === null
      ? []
      : [
          ['request', `POST ${request.url}, region ${request.region}`] as [string, string],
          ['signed', `${request.algorithm} as ${request.signer}`] as [string, string],
        ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...notes.map((note) => `note: ${note}`),
    ...problems.map(
      ({ message, code, next }) =>
        `problem: ${message} [${code}]${next === null ? '' : ` Next: ${next}`}`,
    ),
    problems.length === 0 ? 'nothing here that IAM Roles Anywhere would refuse' : '',
  ].filter((line) => line !== '');
}

function validity({ notBefore, notAfter, daysLeft }: CertificateFacts): string {
  const left = daysLeft < 0 ? 'expired' : `${daysLeft} days left`;
  return `${notBefore} to ${notAfter} (${left})`;
}

function usage({ version, digitalSignature }: CertificateFacts): string {
  const signs = digitalSignature === null ? 'not stated' : digitalSignature ? 'yes' : 'no';
  return `digitalSignature: ${signs}; version ${version}`;
}

function keyLine(matches: boolean): string {
  return matches ? "is the certificate's" : 'see below';
}
