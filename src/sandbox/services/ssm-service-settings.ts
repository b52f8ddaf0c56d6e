import type { SandboxAccount } from '../account.ts';
import type { CallerIdentity } from '../caller.ts';
import type { HybridNodes } from '../hybrid-nodes.ts';
import type { JsonInput } from '../http/json-input.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import { ServiceError } from '../service-error.ts';

const TIER_SETTING = '/ssm/managed-instance/activation-tier';

interface SettingOptions {
  account: SandboxAccount;
  hybridNodes: HybridNodes;
  now: () => number;
}

interface Change {
  atMs: number;
  by: string;
}

/** GetServiceSetting, UpdateServiceSetting and ResetServiceSetting of the one setting there is. */
export function serviceSettingOperations({
  account,
  hybridNodes,
  now,
}: SettingOptions): Record<string, JsonOperation> {
  const changes = new Map<string, Change>();
  const startedAtMs = now();
  const describe = (region: string): Record<string, unknown> => {
    const tier = hybridNodes.tier(region);
    const { atMs, by } = changes.get(region) ?? { atMs: startedAtMs, by: 'System' };
    return {
      ServiceSetting: {
        SettingId: TIER_SETTING,
        SettingValue: tier,
        LastModifiedDate: atMs / 1000,
        LastModifiedUser: by,
        ARN: `arn:aws:ssm:${region}:${account.accountId}:servicesetting${TIER_SETTING}`,
        Status: tier === 'standard' ? 'Default' : 'Customized',
      },
    };
  };
  const change = (tier: string, region: string, caller: CallerIdentity): void => {
    if (tier !== 'standard' && tier !== 'advanced') {
      throw new ServiceError('ValidationException', `Invalid value ${tier} for ${TIER_SETTING}`);
    }
    hybridNodes.setTier(region, tier);
    changes.set(region, { atMs: now(), by: caller.arn });
  };
  return {
    GetServiceSetting: (input, { region }) => {
      readSettingId(input);
      return describe(region);
    },
    UpdateServiceSetting: (input, { caller, region }) => {
      const tier = input.requiredText('SettingValue', { min: 1, max: 4096 });
      readSettingId(input);
      change(tier, region, caller);
      return {};
    },
    ResetServiceSetting: (input, { caller, region }) => {
      readSettingId(input);
      change('standard', region, caller);
      return describe(region);
    },
  };
}

/** By its name or its ARN. @throws ServiceError ServiceSettingNotFound */
function readSettingId(input: JsonInput): void {
  const id = input.requiredText('SettingId', { min: 1, max: 1000 });
  input.check();
  if (id.replace(/^arn:aws[\w-]*:ssm:[^:]*:\d{12}:servicesetting/, '') === TIER_SETTING) return;
  throw new ServiceError('ServiceSettingNotFound', '', 400, {
    Message: `Service setting ${id} is not found.`,
  });
}
