import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { role } from './support/account-holder.ts';
import { Person } from './support/person.ts';

let person: Person;
beforeEach(async () => {
  person = await Person.arrive();
  appendFileSync(
    join(person.home, '.aws', 'config'),
    `\n[profile admin]\nrole_arn = ${role('admin')}\nsource_profile = default\n` +
      `mfa_serial = ${person.aws.sandbox.mfaDevice.serialNumber}\n`,
  );
});
afterEach(() => person.leave());

describe("a role's profile", () => {
  it('reaches hosts with the MFA session of its source', async () => {
    let assumed = 0;
    person.aws.sandbox.httpServer.prependListener('request', (request) => {
      request.on('data', (chunk: Buffer) => {
        if (chunk.includes('Action=AssumeRole')) assumed += 1;
      });
    });
    const early = await person.run('devaccess', ['hosts', 'sync', '--profile', 'admin']);
    expect(early.code).toBe(3);
    expect(early.stderr).toContain('run devaccess mfa --profile admin');
    const token = person.aws.sandbox.mfaCode();
    await person.run('devaccess', ['mfa', '--profile', 'admin', '--token', token]);
    const synced = await person.run('devaccess', ['hosts', 'sync', '--profile', 'admin']);
    expect(synced).toMatchObject({ code: 0 });
    const reached = await person.run('ssh', ['someserver', 'echo here']);
    expect(reached).toMatchObject({ code: 0, stderr: '' });
    expect(reached.stdout.toString()).toBe('here\n');
    expect(assumed).toBe(1);
    const owners = person.aws.sandbox.registry.list().map(({ ownerArn }) => ownerArn);
    expect(owners.length).toBeGreaterThan(0);
    for (const owner of owners) expect(owner).toContain(':assumed-role/devaccess-admin/');
  });
});
