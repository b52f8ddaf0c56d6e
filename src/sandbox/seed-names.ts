/** The names that the demo, the documentation and the tests go by. */
export const SEED = {
  userName: 'alice',
  administratorName: 'admin',
  userPolicyName: 'devaccess-person',
  rolePolicyName: 'devaccess-role',
  adminRoleName: 'devaccess-admin',
  readerRoleName: 'devaccess-reader',
  partnerRoleName: 'devaccess-partner',
  partnerExternalId: 'devaccess-example',
  machineRoleName: 'devaccess-machine',
  nodeRoleName: 'devaccess-hybrid-nodes',
  instanceRoleName: 'devaccess-instances',
  agentVersion: '3.3.987.0',
  kmsAlias: 'alias/devaccess-sessions',
  parameterKmsAlias: 'alias/aws/ssm',
  bastionName: 'bastion',
} as const;
