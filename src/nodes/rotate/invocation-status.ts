/**
 * How a command ended on a node: the service's own words without blanks, and ours for what it cannot
 * know. `Unverified`: it says Success, and not what was sent; `Lost`: no end within its time.
 */
export type RotationStatus =
  | 'Success'
  | 'Failed'
  | 'Cancelled'
  | 'Terminated'
  | 'DeliveryTimedOut'
  | 'ExecutionTimedOut'
  | 'Undeliverable'
  | 'InvalidPlatform'
  | 'AccessDenied'
  | 'Unverified'
  | 'Lost'
  | 'Offline'
  | 'NotSent';

const TERMINAL: ReadonlySet<string> = new Set(['Success', 'Cancelled', 'TimedOut', 'Failed']);
const DETAILS: readonly RotationStatus[] = [
  'Success',
  'Failed',
  'Cancelled',
  'Terminated',
  'DeliveryTimedOut',
  'ExecutionTimedOut',
  'Undeliverable',
  'InvalidPlatform',
  'AccessDenied',
];

/**
 * The end of an invocation; undefined while there is none (6.3 of the facts on nodes). Unknown words
 * are none: they are told of when the time is over.
 *
 * @param details written with and without blanks by different APIs
 */
export function endOf(status: string, details: string): RotationStatus | undefined {
  if (!TERMINAL.has(status)) return undefined;
  const plain = details.replaceAll(/\s+/g, '');
  const known = DETAILS.find((word) => word === plain);
  if (known !== undefined) return known;
  switch (status) {
    case 'Success':
      return 'Success';
    case 'Cancelled':
      return 'Cancelled';
    case 'TimedOut':
      return 'ExecutionTimedOut';
    default:
      return 'Failed';
  }
}
