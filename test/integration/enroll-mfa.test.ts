import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'uqr';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';
import { enrollDevice } from '../../src/credentials/own-user/enroll-device.ts';
import type { EnrolmentWorld, ShownSeed } from '../../src/credentials/own-user/enroll-device.ts';
import { moveKey } from '../../src/credentials/stored-keys/move-key.ts';
import { DevaccessError } from '../../src/platform/errors.ts';
import { EncryptedFile } from '../../src/platform/secrets/encrypted-file.ts';
import type { MfaDevice } from '../../src/sandbox/iam/entities.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { totpCode } from '../../src/sandbox/totp.ts';
import { CHEAP_SCRYPT } from '../unit/platform/secrets/cheap-scrypt.ts';
import { AccountHolder } from './support/account-holder.ts';
import { hasTerminal, onTerminal } from './support/terminal.ts';

const DEVICE = 'arn:aws:iam::123456789012:mfa/alice';
const DENIED = 'denied';

let alice: AccountHolder;
let seeded: MfaDevice[];
beforeAll(async () => {
  alice = await AccountHolder.arrive();
  seeded = [...alice.sandbox.user.mfaDevices];
});
afterAll(() => alice.leave());

/** A user who has a key and no device yet. */
beforeEach(() => {
  alice.sandbox.user.mfaDevices = [];
  unassigned().splice(0);
  alice.writeCredentials(`# mine\n${alice.longTermSection().replace(/aws_mfa_device.*\n/, '')}`);
  vi.stubEnv('AWS_ENDPOINT_URL', alice.sandbox.endpoint);
});
afterEach(() => {
  vi.unstubAllEnvs();
  alice.sandbox.user.inlinePolicies.delete(DENIED);
});

const unassigned = (): MfaDevice[] => alice.sandbox.account.unassignedDevices;
const deny = (...actions: string[]): void => {
  alice.sandbox.user.inlinePolicies.set(
    DENIED,
    policyOf([{ Effect: 'Deny', Action: actions, Resource: '*' }]),
  );
};
/** What the device that nobody has yet shows now, and in half a minute. */
const code = (stepsAhead = 0): string =>
  totpCode(unassigned().at(-1)!, Date.now() + stepsAhead * 30_000);

interface Scene {
  /** Answers to the questions, in turn. */
  codes?: (() => string)[];
  name?: string;
  confirm?: () => Promise<void>;
  isReplacing?: boolean;
}

/** One run by a person who types `codes`. */
function enroll({ codes = [code, () => code(1)], name, confirm, isReplacing = false }: Scene = {}) {
  const said: string[] = [];
  const shown: ShownSeed[] = [];
  const answers = [...codes];
  const world: EnrolmentWorld = {
    env: { HOME: alice.home },
    now: Date.now,
    wait: () => Promise.resolve(),
    say: (text) => said.push(text),
    showSeed: (seed) => Promise.resolve(void shown.push(seed)),
    askCode: ({ validate }) => {
      const answer = answers.shift()!();
      expect(validate(answer)).toBe(true);
      return Promise.resolve(answer);
    },
    askSecret: () => Promise.reject(new Error('nobody is to be asked')),
    confirm: confirm ?? (() => Promise.reject(new Error('nobody is to be asked'))),
  };
  const query = { profile: 'default', longTermSuffix: undefined };
  const done = enrollDevice({ ...query, name, isReplacing, isSeedKept: false }, world);
  return { done, said, shown };
}

const refusal = async (work: Promise<unknown>): Promise<DevaccessError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DevaccessError)) throw new Error(`no refusal: ${String(error)}`);
  return error;
};

describe.skipIf(!hasTerminal)('devaccess iam enroll-mfa on a terminal', () => {
  it('draws the code there alone, and what it assigns is what devaccess mfa uses', async () => {
    const before = alice.credentials();
    let seed = '';
    const run = await onTerminal(
      ['iam', 'enroll-mfa', '--json'],
      [
        {
          after: 'shows now:',
          text: () => {
            seed = unassigned()[0]!.base32Seed;
            return `${code()}\r`;
          },
        },
        { after: 'within 30 seconds:', text: () => `${code(1)}\r` },
      ],
      { env: { ...alice.env(), LANG: 'C.UTF-8', LINES: '60' }, folder: alice.home },
    );
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toEqual({
      profile: 'default',
      section: 'default-long-term',
      action: 'enrolled',
      user: 'alice',
      device: DEVICE,
      replacedLeftover: false,
      formerDevice: null,
      removedDevice: null,
      seedPlace: null,
    });
    // The screen of script(1) has 24 lines: the shorter form.
    expect(run.screen).toContain('alice@123456789012');
    const uri = `otpauth://totp/AWS:alice@123456789012?secret=${seed}&issuer=AWS`;
    expect(modules(run.screen)).toEqual(encode(uri, { ecc: 'L', border: 1 }).data);
    expect(`${run.screen}${run.stdout}${filesText()}`).not.toContain(seed);
    expect(alice.credentials()).toBe(`${before}aws_mfa_device = ${DEVICE}\n`);
    alice.nextCode(2);
    const next = totpCode(alice.sandbox.user.mfaDevices[0]!, Date.now() + 60_000);
    const { code: exitCode, stderr } = await alice.run(['mfa', '--token', next]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
});

/** The modules that half blocks of light on a dark terminal show. */
function modules(screen: string): boolean[][] {
  const lines = screen.split(/\r?\n/).filter((line) => /^[█▀▄ ]{40,}$/.test(line));
  return lines
    .flatMap((line) => [
      Array.from(line, (cell) => cell !== '█' && cell !== '▀'),
      Array.from(line, (cell) => cell !== '█' && cell !== '▄'),
    ])
    .slice(0, lines[0]?.length);
}

function filesText(): string {
  return readdirSync(alice.home, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

describe('enrolment', () => {
  it('is refused without a terminal before a device is made', async () => {
    const run = await alice.run(['iam', 'enroll-mfa']);
    expect([run.code, run.stderr]).toEqual([3, expect.stringContaining('DA_NO_TERMINAL')]);
    expect(unassigned()).toEqual([]);
  });

  it('replaces what an aborted run has left, and says so', async () => {
    const aborted = enroll({
      codes: [
        () => {
          throw new DevaccessError('DA_CANCELLED', 'Cancelled');
        },
      ],
    });
    deny('iam:DeleteVirtualMFADevice');
    await refusal(aborted.done);
    expect(aborted.said).toEqual([
      `${DEVICE} is left, assigned to nobody: the next run replaces it`,
    ]);
    const [leftover] = unassigned();
    alice.sandbox.user.inlinePolicies.delete(DENIED);
    const { done, said } = enroll();
    expect(await done).toMatchObject({ device: DEVICE, replacedLeftover: true });
    expect(said).toEqual([expect.stringContaining('assigned to nobody, or to somebody else')]);
    expect(alice.sandbox.user.mfaDevices).not.toContain(leftover);
    expect(unassigned()).toEqual([]);
  });

  it('asks again for codes that AWS does not take, then deletes the device', async () => {
    const wrong = [() => '000000', () => '111111'];
    const { done } = enroll({ codes: [...wrong, ...wrong, code, () => code(1)] });
    expect(await done).toMatchObject({ device: DEVICE });
    alice.sandbox.user.mfaDevices = [];
    const failed = await refusal(enroll({ codes: [...wrong, ...wrong, ...wrong] }).done);
    expect([failed.code, failed.exitCode]).toEqual(['DA_MFA_CODE_REFUSED', 1]);
    expect(unassigned()).toEqual([]);
  });

  it('deletes the device when the person gives up', async () => {
    const cancelled = new DevaccessError('DA_CANCELLED', 'Cancelled');
    const { done, shown } = enroll({
      codes: [
        () => {
          throw cancelled;
        },
      ],
    });
    expect(await refusal(done)).toBe(cancelled);
    expect(shown).toMatchObject([{ label: 'alice@123456789012' }]);
    expect(unassigned()).toEqual([]);
  });

  it('takes an assignment whose answer was lost for what it is', async () => {
    const { done } = enroll({
      codes: [
        code,
        () => {
          const second = code(1);
          alice.sandbox.user.mfaDevices.push(...unassigned().splice(0));
          return second;
        },
      ],
    });
    expect(await done).toMatchObject({ action: 'enrolled' });
    expect(alice.credentials()).toContain(`aws_mfa_device = ${DEVICE}\n`);
  });

  it.each(['iam:CreateVirtualMFADevice', 'iam:EnableMFADevice'])(
    'says that %s is not allowed, and leaves no device',
    async (action) => {
      const before = alice.credentials();
      deny(action);
      const { done } = enroll();
      const error = await refusal(done);
      expect(error.code).toBe('DA_ACCESS_DENIED');
      expect(error.message).toContain(`${action} on arn:aws:iam::123456789012:`);
      expect(unassigned()).toEqual([]);
      expect(alice.credentials()).toBe(before);
    },
  );

  it('names the statement to add where no policy allows it', async () => {
    const { attachedPolicies } = alice.sandbox.user;
    const kept = [...attachedPolicies];
    attachedPolicies.clear();
    const { done, said } = enroll();
    const error = await refusal(done);
    for (const policy of kept) attachedPolicies.add(policy);
    expect(error.next).toContain('devaccess iam policy --for enroll-mfa');
    expect(said).toEqual([expect.stringContaining('iam:ListMFADevices')]);
  });

  it('keeps a second device beside the first, and explains security keys', async () => {
    const key = 'arn:aws:iam::123456789012:u2f/user/alice/yubi';
    alice.sandbox.user.mfaDevices = [...seeded, { ...seeded[0]!, serialNumber: key }];
    alice.writeCredentials(alice.longTermSection());
    const taken = enroll();
    expect(await refusal(taken.done)).toMatchObject({ code: 'DA_MFA_DEVICE_TAKEN' });
    expect(taken.said).toEqual([expect.stringContaining(`${key} is a security key or passkey`)]);
    const { done, shown } = enroll({ name: 'alice-2' });
    expect(await done).toMatchObject({ device: `${DEVICE}-2`, formerDevice: DEVICE });
    expect(shown).toMatchObject([{ label: 'alice-2@123456789012' }]);
    expect(alice.credentials()).toContain(`aws_mfa_device = ${DEVICE}-2\n`);
  });

  it.each([
    ['arn:aws:iam::123456789012:u2f/user/alice/yubi', 'DA_MFA_DEVICE_UNUSABLE'],
    ['a b', 'DA_USAGE'],
  ])('refuses the name %s with the reason', async (name, code) => {
    expect(await refusal(enroll({ name }).done)).toMatchObject({ code });
  });

  it('asks before it replaces a leftover that need not be its own', async () => {
    unassigned().push({ ...seeded[0]!, serialNumber: `${DEVICE}-tablet`, enabledAtMs: undefined });
    const no = new DevaccessError('DA_CANCELLED', 'Cancelled');
    const { done } = enroll({ name: 'alice-tablet', confirm: () => Promise.reject(no) });
    expect(await refusal(done)).toBe(no);
    expect(unassigned()).toHaveLength(1);
  });

  it('stops at the eighth device', async () => {
    alice.sandbox.user.mfaDevices = Array.from({ length: 8 }, (_, at) => ({
      ...seeded[0]!,
      serialNumber: `${DEVICE}-${at}`,
    }));
    expect(await refusal(enroll().done)).toMatchObject({ code: 'DA_IAM_LIMIT' });
    expect(unassigned()).toEqual([]);
  });

  it('stores the seed beside a key in the encrypted file, never beside one in plain text', async () => {
    const request = { profile: 'default', longTermSuffix: undefined, name: undefined };
    const plain = enrollDevice({ ...request, isReplacing: false, isSeedKept: true }, worldOf());
    expect(await refusal(plain)).toMatchObject({ code: 'DA_TOTP_PLAIN' });
    expect(unassigned()).toEqual([]);

    const world = worldOf([code, () => code(1)]);
    await moveKey({ ...request, to: 'file', forTools: undefined }, world);
    expect(
      await enrollDevice({ ...request, isReplacing: false, isSeedKept: true }, world),
    ).toMatchObject({
      seedPlace: 'file',
    });
    const values = sectionValues(parseIni(alice.credentials()), 'default-long-term')!;
    const kept = await world.openStore().read(values.get('devaccess_entry')!);
    const [{ base32Seed: seed }] = alice.sandbox.user.mfaDevices as [MfaDevice];
    expect(JSON.parse(kept!)).toMatchObject({ totp: { seed, device: DEVICE } });
    expect(values.get('devaccess_totp')).toBe('stored');
    expect(filesText()).not.toContain(seed);
  });
});

describe('enrolling in the place of another device', () => {
  /** The credentials file with a session that the old device has made. */
  let signedIn: string;
  beforeAll(async () => {
    alice.sandbox.user.mfaDevices = [...seeded];
    alice.writeCredentials(alice.longTermSection());
    await alice.signIn();
    signedIn = alice.credentials();
  });
  beforeEach(() => {
    alice.sandbox.user.mfaDevices = seeded.map((device) => ({ ...device }));
    alice.writeCredentials(signedIn);
  });
  const devices = (): string[] =>
    alice.sandbox.user.mfaDevices.map(({ serialNumber }) => serialNumber);
  const all = (): string[] => [...devices(), ...unassigned().map((each) => each.serialNumber)];
  const named = (): string | undefined =>
    sectionValues(parseIni(alice.credentials()), 'default-long-term')?.get('aws_mfa_device');
  /** As the generated policy has it: a device of the user's name alone. */
  const allowOwnNameAlone = (): void => {
    const NotResource = [DEVICE, 'arn:aws:iam::123456789012:user/*'];
    const Action = ['iam:CreateVirtualMFADevice', 'iam:DeleteVirtualMFADevice'];
    alice.sandbox.user.inlinePolicies.set(
      DENIED,
      policyOf([{ Effect: 'Deny', Action, NotResource }]),
    );
  };

  it('leaves the old one until the new one is good, and then takes it away', async () => {
    const codes = Array.from({ length: 6 }, (_, at) => () => String(at).repeat(6));
    const wrong = enroll({ isReplacing: true, codes });
    expect(await refusal(wrong.done)).toMatchObject({ code: 'DA_MFA_CODE_REFUSED' });
    expect([all(), named()]).toEqual([[DEVICE], DEVICE]);

    const { done, said } = enroll({ isReplacing: true });
    expect(await done).toMatchObject({ device: `${DEVICE}-2`, removedDevice: DEVICE });
    expect([all(), named()]).toEqual([[`${DEVICE}-2`], `${DEVICE}-2`]);
    expect(said).toEqual([expect.stringContaining('the name alice is free')]);
    // And back to the name that policies want.
    const back = enroll({ isReplacing: true });
    expect(await back.done).toMatchObject({ device: DEVICE, removedDevice: `${DEVICE}-2` });
    expect(all()).toEqual([DEVICE]);
  });

  it('where no other name is allowed, asks first, and goes on after a stop', async () => {
    allowOwnNameAlone();
    const no = new DevaccessError('DA_CANCELLED', 'Cancelled');
    const refused = enroll({ isReplacing: true, confirm: () => Promise.reject(no) });
    expect(await refusal(refused.done)).toBe(no);
    expect(all()).toEqual([DEVICE]);

    const confirm = () => Promise.resolve();
    const stopped = enroll({
      isReplacing: true,
      confirm,
      codes: [
        () => {
          throw no;
        },
      ],
    });
    expect(await refusal(stopped.done)).toMatchObject({
      code: 'DA_CANCELLED',
      message: `${DEVICE} has been taken away, and no other device is assigned: cancelled`,
    });
    expect(all()).toEqual([]);
    expect(await enroll().done).toMatchObject({ device: DEVICE });

    const { done } = enroll({ isReplacing: true, confirm });
    expect(await done).toMatchObject({ device: DEVICE, removedDevice: DEVICE });
    expect([all(), named()]).toEqual([[DEVICE], DEVICE]);
  });

  it('takes no device from who could not enrol another', async () => {
    allowOwnNameAlone();
    alice.writeCredentials(alice.longTermSection());
    const bare = enroll({ isReplacing: true });
    expect(await refusal(bare.done)).toMatchObject({ code: 'DA_NO_CREDENTIALS', exitCode: 3 });
    alice.writeCredentials(signedIn);
    deny('iam:CreateVirtualMFADevice');
    expect(await refusal(enroll({ isReplacing: true }).done)).toMatchObject({
      code: 'DA_ACCESS_DENIED',
    });
    expect([all(), named()]).toEqual([[DEVICE], DEVICE]);
  });

  it('says so where the old one cannot be taken away', async () => {
    deny('iam:DeactivateMFADevice');
    const error = await refusal(enroll({ isReplacing: true }).done);
    expect(error).toMatchObject({ code: 'DA_MFA_DEVICE_LEFT' });
    expect([devices(), named()]).toEqual([[DEVICE, `${DEVICE}-2`], `${DEVICE}-2`]);
  });

  it('makes room where there are as many as may be', async () => {
    const full = Array.from({ length: 7 }, (_, at) => ({
      ...seeded[0]!,
      serialNumber: `${DEVICE}-${at}`,
    }));
    alice.sandbox.user.mfaDevices.push(...full);
    const { done } = enroll({ isReplacing: true, confirm: () => Promise.resolve() });
    expect(await done).toMatchObject({ device: DEVICE, removedDevice: DEVICE });
    expect(devices()).toHaveLength(8);
  });

  it('asks which one where the profile names none of several', async () => {
    alice.sandbox.user.mfaDevices.push({ ...seeded[0]!, serialNumber: `${DEVICE}-2` });
    alice.writeCredentials(signedIn.replace(/aws_mfa_device.*\n/, ''));
    expect(await refusal(enroll({ isReplacing: true }).done)).toMatchObject({
      code: 'DA_NO_MFA_DEVICE',
    });
  });
});

function worldOf(codes: (() => string)[] = []) {
  const never = () => Promise.reject(new Error('nobody is to be asked'));
  const passphrase = (): Promise<string> => Promise.resolve('correct horse battery');
  const source = { tries: 1, present: passphrase, chosen: passphrase };
  const file = join(alice.home, '.aws', 'devaccess-keys.json');
  const store = new EncryptedFile(file, source, CHEAP_SCRYPT);
  return {
    env: { HOME: alice.home },
    now: Date.now,
    say: () => undefined,
    showSeed: () => Promise.resolve(),
    askCode: () => Promise.resolve(codes.shift()!()),
    askSecret: never,
    confirm: never,
    openStore: () => store,
  } satisfies EnrolmentWorld & { openStore: unknown };
}
