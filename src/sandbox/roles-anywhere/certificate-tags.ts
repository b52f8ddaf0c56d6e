import type { PresentedCertificate } from './presented-certificate.ts';

/**
 * The attributes of a certificate's subject and issuer that become tags of the session
 * (`x509Subject/CN`); several of one kind are joined by `/`.
 */
export function certificateTags({ x509 }: PresentedCertificate): Map<string, string> {
  const tags = new Map<string, string>();
  const names = { x509Subject: x509.subject, x509Issuer: x509.issuer };
  for (const [kind, name] of Object.entries(names)) {
    for (const line of name.split('\n')) {
      const [attribute = '', ...value] = line.split('=');
      const key = `${kind}/${attribute}`;
      const earlier = tags.get(key);
      const text = value.join('=');
      if (attribute !== '') tags.set(key, earlier === undefined ? text : `${earlier}/${text}`);
    }
  }
  return tags;
}
