import type { IamUser, MfaDevice } from '../../iam/entities.ts';
import { randomMfaSeed } from '../../identifiers.ts';
import type { QueryInput } from '../../http/query-input.ts';
import type { XmlValue } from '../../http/xml.ts';
import { ServiceError } from '../../service-error.ts';
import { isoSeconds } from '../iso-seconds.ts';
import { exists, limitExceeded, noSuchEntity } from './iam-directory.ts';
import { userElements } from './iam-elements.ts';
import { NAME_RULE, Pager, readPath } from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';
import { qrCodePng } from './qr-code-png.ts';
import { namedUser, requiredUser } from './users.ts';

const SERIAL_RULE = { min: 9, max: 256, pattern: /^[\w+=/:,.@-]+$/ } as const;
const CODE_RULE = { min: 6, max: 6, pattern: /^\d+$/ } as const;
const DEVICES_PER_USER = 8;
/** How far a device's clock may be off when it is enabled (5 minutes), and when it is resynced (a day). */
const ENABLE_STEPS = 10;
const RESYNC_STEPS = 2880;

export function mfaDeviceOperations(iam: IamContext): IamOperations {
  const { directory, access, totp, now } = iam;
  const { account } = directory;
  const pager = new Pager();
  return {
    CreateVirtualMFADevice: (input, call) => {
      const path = readPath(input);
      const name = input.requiredText('VirtualMFADeviceName', NAME_RULE);
      input.check();
      const serialNumber = directory.arn('mfa', path, name);
      access.require(call, { action: 'iam:CreateVirtualMFADevice', resource: serialNumber });
      if (allVirtual(iam).some(({ device }) => device.serialNumber === serialNumber)) {
        throw exists('MFADevice entity at the same path and name already exists.');
      }
      const base32Seed = randomMfaSeed();
      account.unassignedDevices.push({
        serialNumber,
        base32Seed,
        enabledAtMs: undefined,
        driftSteps: 0,
      });
      const base64 = (bytes: Buffer): string => bytes.toString('base64');
      return {
        VirtualMFADevice: {
          SerialNumber: serialNumber,
          Base32StringSeed: base64(Buffer.from(base32Seed)),
          QRCodePNG: base64(qrCodePng(otpauthUri(`${name}@${account.accountId}`, base32Seed))),
        },
      };
    },

    DeleteVirtualMFADevice: (input, call) => {
      const serialNumber = readSerial(input);
      input.check();
      access.require(call, { action: 'iam:DeleteVirtualMFADevice', resource: serialNumber });
      const found = allVirtual(iam).find(({ device }) => device.serialNumber === serialNumber);
      if (found === undefined) throw noVirtualDevice(serialNumber);
      if (found.user !== undefined) {
        throw new ServiceError(
          'DeleteConflict',
          'MFA VirtualDevice in use. Must deactivate first.',
          409,
        );
      }
      const { unassignedDevices } = account;
      unassignedDevices.splice(unassignedDevices.indexOf(found.device), 1);
      return {};
    },

    EnableMFADevice: (input, call) => {
      const serialNumber = readSerial(input);
      const codes = readCodes(input);
      const user = requiredUser(iam, 'iam:EnableMFADevice', input, call);
      const found = allVirtual(iam).find(({ device }) => device.serialNumber === serialNumber);
      if (found === undefined) throw noVirtualDevice(serialNumber);
      if (found.user !== undefined) throw exists('MFA Device is already in use.');
      if (user.mfaDevices.length >= DEVICES_PER_USER) {
        throw limitExceeded(`Cannot exceed quota for MFADevicesPerUser: ${DEVICES_PER_USER}`);
      }
      const { device } = found;
      if (!totp.synchronize(device, codes, ENABLE_STEPS)) throw wrongCodes();
      const { unassignedDevices } = account;
      unassignedDevices.splice(unassignedDevices.indexOf(device), 1);
      device.enabledAtMs = now();
      user.mfaDevices.push(device);
      return {};
    },

    DeactivateMFADevice: (input, call) => {
      const serialNumber = readSerial(input);
      const user = namedUser(iam, 'iam:DeactivateMFADevice', input, call);
      const device = deviceOf(user, serialNumber);
      user.mfaDevices.splice(user.mfaDevices.indexOf(device), 1);
      device.enabledAtMs = undefined;
      if (isVirtual(device)) account.unassignedDevices.push(device);
      return {};
    },

    ResyncMFADevice: (input, call) => {
      const serialNumber = readSerial(input);
      const codes = readCodes(input);
      const user = requiredUser(iam, 'iam:ResyncMFADevice', input, call);
      if (!totp.synchronize(deviceOf(user, serialNumber), codes, RESYNC_STEPS)) throw wrongCodes();
      return {};
    },

    ListMFADevices: (input, call) => {
      const page = pager.read(input);
      const { userName, mfaDevices } = namedUser(iam, 'iam:ListMFADevices', input, call);
      const { items, rest } = pager.page(mfaDevices, page, call, 'of', userName);
      const member = items.map(({ serialNumber, enabledAtMs }) => ({
        UserName: userName,
        SerialNumber: serialNumber,
        EnableDate: enabledAtMs === undefined ? undefined : isoSeconds(enabledAtMs),
      }));
      return { MFADevices: { member }, ...rest };
    },

    ListVirtualMFADevices: (input, call) => {
      const status = input.text('AssignmentStatus', { oneOf: ['Assigned', 'Unassigned', 'Any'] });
      const page = pager.read(input);
      input.check();
      access.require(call, {
        action: 'iam:ListVirtualMFADevices',
        resource: directory.arn('mfa', '/', ''),
      });
      const wanted = allVirtual(iam).filter(
        ({ user }) =>
          status === undefined ||
          status === 'Any' ||
          (user !== undefined) === (status === 'Assigned'),
      );
      const { items, rest } = pager.page(wanted, page, call, 'all', status);
      return { VirtualMFADevices: { member: items.map(virtualDeviceElements) }, ...rest };
    },
  };
}

interface VirtualDevice {
  readonly device: MfaDevice;
  readonly user: IamUser | undefined;
}

function allVirtual({ directory: { account } }: IamContext): VirtualDevice[] {
  const assigned = account.users.flatMap((user) =>
    user.mfaDevices.filter(isVirtual).map((device) => ({ device, user })),
  );
  return [...assigned, ...account.unassignedDevices.map((device) => ({ device, user: undefined }))];
}

function isVirtual({ serialNumber }: MfaDevice): boolean {
  return serialNumber.includes(':mfa/');
}

function deviceOf({ mfaDevices }: IamUser, serialNumber: string): MfaDevice {
  const device = mfaDevices.find((known) => known.serialNumber === serialNumber);
  if (device === undefined) throw noSuchEntity('MFA Device invalid for user.');
  return device;
}

/** The seed is shown once only, when the device is made. */
function virtualDeviceElements({ device, user }: VirtualDevice): XmlValue {
  const { serialNumber, enabledAtMs } = device;
  return {
    SerialNumber: serialNumber,
    ...(user === undefined ? {} : { User: userElements(user) }),
    EnableDate: enabledAtMs === undefined ? undefined : isoSeconds(enabledAtMs),
  };
}

function readSerial(input: QueryInput): string {
  return input.requiredText('SerialNumber', SERIAL_RULE);
}

function readCodes(input: QueryInput): [string, string] {
  return [
    input.requiredText('AuthenticationCode1', CODE_RULE),
    input.requiredText('AuthenticationCode2', CODE_RULE),
  ];
}

function noVirtualDevice(serialNumber: string): ServiceError {
  return noSuchEntity(`VirtualMFADevice with serial number ${serialNumber} does not exist.`);
}

function wrongCodes(): ServiceError {
  const message = 'Authentication code for device is not valid.';
  return new ServiceError('InvalidAuthenticationCode', message, 403);
}

/** What AWS's QR code says; the label's `:` is plain, spaces are encoded. */
function otpauthUri(account: string, seed: string): string {
  const issuer = 'Amazon%20Web%20Services';
  return `otpauth://totp/${issuer}:${account}?secret=${seed}&issuer=${issuer}`;
}
