/** The MFA devices of a user, and the list of their access keys. */
import type { ClientOptions } from './client-settings.ts';
import { iamCall } from './iam-calls.ts';
import { strangeAnswer } from './service-errors.ts';

/** An access key of a user, as IAM lists it. */
export interface ListedKey {
  accessKeyId: string;
  isActive: boolean;
  /** Milliseconds since the epoch; undefined where IAM does not say. */
  createdMs: number | undefined;
}

/** A virtual MFA device that was just made: IAM tells its seed this once. */
export interface NewDevice {
  serialNumber: string;
  /** Base32. */
  seed: string;
}

const ENROLLING = { feature: 'enroll-mfa' } as const;
const ROTATING = { feature: 'rotate-keys' } as const;
/** More than IAM allows a user; what goes on longer is no list of theirs. */
const MAX_PAGES = 20;

/**
 * Serial numbers of the MFA devices of a user.
 *
 * @throws DevaccessError those of `iamError`; often DA_ACCESS_DENIED
 */
export function listMfaDevices(options: ClientOptions, userName: string): Promise<string[]> {
  return iamCall(options, { operation: 'ListMFADevices', ...ENROLLING }, async (client) => {
    const { ListMFADevicesCommand } = await import('./iam-commands.ts');
    return paged(async (Marker) => {
      const answer = await client.send(new ListMFADevicesCommand({ UserName: userName, Marker }));
      const items = (answer.MFADevices ?? []).flatMap(({ SerialNumber }) => SerialNumber ?? []);
      return { items, next: answer.IsTruncated === true ? answer.Marker : undefined };
    });
  });
}

/**
 * Serial numbers of the virtual MFA devices of an account that are assigned to nobody.
 *
 * @throws DevaccessError those of `iamError`
 */
export function listUnassignedDevices(options: ClientOptions): Promise<string[]> {
  return iamCall(options, { operation: 'ListVirtualMFADevices' }, async (client) => {
    const { ListVirtualMFADevicesCommand } = await import('./iam-commands.ts');
    return paged(async (Marker) => {
      const asked = { AssignmentStatus: 'Unassigned', Marker } as const;
      const answer = await client.send(new ListVirtualMFADevicesCommand(asked));
      const items = (answer.VirtualMFADevices ?? []).flatMap(
        ({ SerialNumber }) => SerialNumber ?? [],
      );
      return { items, next: answer.IsTruncated === true ? answer.Marker : undefined };
    });
  });
}

/**
 * Makes a virtual MFA device that is nobody's yet.
 *
 * @throws DevaccessError DA_IAM_EXISTS, DA_IAM_LIMIT and those of `iamError`
 */
export function createVirtualDevice(options: ClientOptions, name: string): Promise<NewDevice> {
  const operation = 'CreateVirtualMFADevice';
  return iamCall(options, { operation, ...ENROLLING }, async (client) => {
    const { CreateVirtualMFADeviceCommand } = await import('./iam-commands.ts');
    const { VirtualMFADevice: device } = await client.send(
      new CreateVirtualMFADeviceCommand({ VirtualMFADeviceName: name }),
    );
    const seed = Buffer.from(device?.Base32StringSeed ?? []).toString('latin1');
    const serialNumber = device?.SerialNumber ?? '';
    if (!/^[\w+=/:,.@-]{9,256}$/.test(serialNumber) || !/^[A-Z2-7]{16,256}=*$/.test(seed)) {
      throw strangeAnswer({ service: 'IAM', operation }, undefined);
    }
    return { serialNumber, seed };
  });
}

/** @throws DevaccessError DA_IAM_IN_USE, DA_IAM_NOT_FOUND and those of `iamError` */
export function deleteVirtualDevice(options: ClientOptions, serialNumber: string): Promise<void> {
  return iamCall(options, { operation: 'DeleteVirtualMFADevice', ...ENROLLING }, async (client) => {
    const { DeleteVirtualMFADeviceCommand } = await import('./iam-commands.ts');
    await client.send(new DeleteVirtualMFADeviceCommand({ SerialNumber: serialNumber }));
  });
}

/**
 * Gives a device to a user.
 *
 * @param codes two that it shows one after the other
 * @throws DevaccessError DA_MFA_CODE_REFUSED, DA_IAM_NOT_FOUND, DA_IAM_LIMIT, DA_IAM_BUSY and those of
 *   `iamError`
 */
export function enableDevice(
  options: ClientOptions,
  { userName, serialNumber }: { userName: string; serialNumber: string },
  codes: readonly [string, string],
): Promise<void> {
  return iamCall(options, { operation: 'EnableMFADevice', ...ENROLLING }, async (client) => {
    const { EnableMFADeviceCommand } = await import('./iam-commands.ts');
    await client.send(
      new EnableMFADeviceCommand({
        UserName: userName,
        SerialNumber: serialNumber,
        AuthenticationCode1: codes[0],
        AuthenticationCode2: codes[1],
      }),
    );
  });
}

/** Takes a device from a user. @throws DevaccessError DA_IAM_NOT_FOUND and those of `iamError` */
export function deactivateDevice(
  options: ClientOptions,
  { userName, serialNumber }: { userName: string; serialNumber: string },
): Promise<void> {
  return iamCall(options, { operation: 'DeactivateMFADevice', ...ENROLLING }, async (client) => {
    const { DeactivateMFADeviceCommand } = await import('./iam-commands.ts');
    await client.send(
      new DeactivateMFADeviceCommand({ UserName: userName, SerialNumber: serialNumber }),
    );
  });
}

/**
 * The access keys of a user.
 *
 * @throws DevaccessError those of `iamError`; often DA_ACCESS_DENIED
 */
export function listAccessKeys(options: ClientOptions, userName: string): Promise<ListedKey[]> {
  return iamCall(options, { operation: 'ListAccessKeys', ...ROTATING }, async (client) => {
    const { ListAccessKeysCommand } = await import('./iam-commands.ts');
    return paged(async (Marker) => {
      const answer = await client.send(new ListAccessKeysCommand({ UserName: userName, Marker }));
      const items = (answer.AccessKeyMetadata ?? []).flatMap(
        ({ AccessKeyId: accessKeyId, Status, CreateDate }) =>
          accessKeyId === undefined
            ? []
            : [{ accessKeyId, isActive: Status !== 'Inactive', createdMs: CreateDate?.getTime() }],
      );
      return { items, next: answer.IsTruncated === true ? answer.Marker : undefined };
    });
  });
}

async function paged<T>(
  page: (marker: string | undefined) => Promise<{ items: T[]; next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let marker: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const { items, next } = await page(marker);
    all.push(...items);
    if (next === undefined) break;
    marker = next;
  }
  return all;
}
