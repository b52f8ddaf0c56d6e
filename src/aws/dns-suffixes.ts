/** DNS suffixes of each partition by the form of its region names (AWS's partitions table). */
const PARTITIONS: readonly { regions: RegExp; suffixes: readonly string[] }[] = [
  { regions: /^cn-/, suffixes: ['amazonaws.com.cn', 'api.amazonwebservices.com.cn'] },
  { regions: /^us-gov-/, suffixes: ['amazonaws.com', 'api.aws'] },
  { regions: /^us-iso-/, suffixes: ['c2s.ic.gov', 'api.aws.ic.gov'] },
  { regions: /^us-isob-/, suffixes: ['sc2s.sgov.gov', 'api.aws.scloud'] },
  { regions: /^eu-isoe-/, suffixes: ['cloud.adc-e.uk', 'api.cloud-aws.adc-e.uk'] },
  { regions: /^us-isof-/, suffixes: ['csp.hci.ic.gov', 'api.aws.hci.ic.gov'] },
  { regions: /^eusc-/, suffixes: ['amazonaws.eu', 'api.amazonwebservices.eu'] },
  { regions: /^[a-z]{2}-/, suffixes: ['amazonaws.com', 'api.aws'] },
];

const REGION = /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/;

/** DNS suffixes of a region's endpoints, the usual one first, then that of dual-stack endpoints. */
export function dnsSuffixes(region: string): readonly string[] {
  if (!REGION.test(region)) return [];
  return PARTITIONS.find(({ regions }) => regions.test(region))?.suffixes ?? [];
}
