import { randomUUID } from 'node:crypto';
import ssh2 from 'ssh2';
import type { SandboxAccount } from '../account.ts';
import { jsonService } from '../http/json-protocol.ts';
import type { HttpService } from '../http/service.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { tagEntries } from '../iam-policy/request-context.ts';
import type { PushedKeys } from '../pushed-keys.ts';
import { ServiceError } from '../service-error.ts';

/** What the API reference of 2018-04-02 asks of the members. */
const INSTANCE_ID = { min: 10, max: 32, pattern: /^i-[a-f0-9]+$/ } as const;
const OS_USER = {
  min: 1,
  max: 32,
  pattern: /^[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?$/,
} as const;
const PUBLIC_KEY = { min: 80, max: 4096 } as const;
const ZONE = { min: 6, max: 32, pattern: /^(\w+-){2,3}\d+\w+$/ } as const;
/** Of the guide "Connect using your own key and SSH client". */
const KEY_TYPES = ['ssh-rsa', 'ssh-ed25519'];

interface Options {
  account: SandboxAccount;
  access: AccessControl;
  keys: PushedKeys;
}

/** Amazon EC2 Instance Connect, 2018-04-02: public keys for a minute. */
export function instanceConnectService({ account, access, keys }: Options): HttpService {
  return jsonService({
    signingName: 'ec2-instance-connect',
    targetPrefix: 'AWSEC2InstanceConnectService',
    operations: {
      SendSSHPublicKey: (input, call) => {
        const instanceId = input.requiredText('InstanceId', INSTANCE_ID);
        const user = input.requiredText('InstanceOSUser', OS_USER);
        const publicKey = input.requiredText('SSHPublicKey', PUBLIC_KEY);
        input.text('AvailabilityZone', ZONE);
        input.check();
        const instance = account.instances.find(
          (each) => each.instanceId === instanceId && each.region === call.region,
        );
        access.require(call, {
          action: 'ec2-instance-connect:SendSSHPublicKey',
          resource: `arn:aws:ec2:${call.region}:${account.accountId}:instance/${instanceId}`,
          context: {
            'ec2:osuser': user,
            ...tagEntries('aws:ResourceTag/', new Map(Object.entries(instance?.tags ?? {}))),
          },
        });
        if (instance === undefined) {
          throw new ServiceError('EC2InstanceNotFoundException', 'Unable to retrieve instance');
        }
        if (instance.state !== 'running') {
          throw new ServiceError('EC2InstanceStateInvalidException', 'Instance is not running');
        }
        const parsed = ssh2.utils.parseKey(publicKey);
        if (parsed instanceof Error || !KEY_TYPES.includes(parsed.type)) {
          throw new ServiceError('InvalidArgsException', 'Invalid SSH public key');
        }
        keys.push(instanceId, user, publicKey);
        return { RequestId: randomUUID(), Success: true };
      },
    },
  });
}
