/** Run Command's answers, member by member. */
import { overallStatus } from '../run-command/command-registry.ts';
import type { Command, Invocation } from '../run-command/command-registry.ts';
import type { ScriptResult } from '../run-command/shell-script.ts';

/** The one plugin of AWS-RunShellScript. */
export const PLUGIN = 'aws:runShellScript';
/** What a list shows of a plugin's output, both streams together. */
const MAX_LISTED_OUTPUT = 2500;
const ERROR_TITLE = '\n----------ERROR-------\n';
const OUTPUT_TRUNCATED = '\n---Output truncated---';
const ERROR_TRUNCATED = '\n---Error truncated----';
const NO_CONFIGURATION = {
  ServiceRole: '',
  NotificationConfig: { NotificationArn: '', NotificationEvents: [], NotificationType: '' },
  CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false },
} as const;
const DONE: readonly string[] = ['Success', 'Failed', 'TimedOut', 'Cancelled'];

export function commandMembers(command: Command) {
  const { status, statusDetails } = overallStatus(command);
  const count = (...details: string[]): number =>
    command.invocations.filter((invocation) => details.includes(invocation.statusDetails)).length;
  return {
    CommandId: command.commandId,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    Comment: command.comment,
    ExpiresAfter: (command.requestedAtMs + expiryMs(command)) / 1000,
    Parameters: command.parameters,
    InstanceIds: command.instanceIds,
    Targets: command.targets,
    RequestedDateTime: command.requestedAtMs / 1000,
    Status: status,
    StatusDetails: statusDetails,
    OutputS3BucketName: '',
    OutputS3KeyPrefix: '',
    MaxConcurrency: command.maxConcurrency,
    MaxErrors: command.maxErrors,
    TargetCount: command.invocations.length,
    CompletedCount: command.invocations.filter((invocation) => DONE.includes(invocation.status))
      .length,
    ErrorCount: count('Failed', 'ExecutionTimedOut'),
    DeliveryTimedOutCount: count('DeliveryTimedOut'),
    TimeoutSeconds: command.timeoutS,
    ...NO_CONFIGURATION,
  };
}

export function invocationMembers(
  command: Command,
  invocation: Invocation,
  isDetailed: boolean,
): Record<string, unknown> {
  const { instanceId, status, statusDetails } = invocation;
  return {
    CommandId: command.commandId,
    InstanceId: instanceId,
    InstanceName: '',
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    RequestedDateTime: command.requestedAtMs / 1000,
    Status: status,
    StatusDetails: statusDetails,
    StandardOutputUrl: '',
    StandardErrorUrl: '',
    CommandPlugins: isDetailed ? [pluginMembers(invocation)] : [],
    ...NO_CONFIGURATION,
  };
}

function pluginMembers(invocation: Invocation): Record<string, unknown> {
  const { status, statusDetails, startedAtMs, endedAtMs, result } = invocation;
  return {
    Name: PLUGIN,
    Status: status === 'Cancelling' ? 'InProgress' : status,
    StatusDetails: statusDetails,
    ResponseCode: result?.responseCode ?? -1,
    ...(startedAtMs === undefined ? {} : { ResponseStartDateTime: startedAtMs / 1000 }),
    ...(endedAtMs === undefined ? {} : { ResponseFinishDateTime: endedAtMs / 1000 }),
    Output: listedOutput(result),
    StandardOutputUrl: '',
    StandardErrorUrl: '',
    OutputS3Region: '',
    OutputS3BucketName: '',
    OutputS3KeyPrefix: '',
  };
}

/** Both streams in one text, each cut where there is no room for both. */
function listedOutput(result: ScriptResult | undefined): string {
  const { stdout = '', stderr = '' } = result ?? {};
  const titled = stderr === '' ? '' : ERROR_TITLE + stderr;
  if (stdout.length + titled.length <= MAX_LISTED_OUTPUT) return stdout + titled;
  const half = MAX_LISTED_OUTPUT / 2;
  const forError = Math.min(titled.length, Math.max(half, MAX_LISTED_OUTPUT - stdout.length));
  const forOutput = MAX_LISTED_OUTPUT - forError;
  return cut(stdout, forOutput, OUTPUT_TRUNCATED) + cut(titled, forError, ERROR_TRUNCATED);
}

function cut(text: string, limit: number, note: string): string {
  return text.length <= limit ? text : text.slice(0, limit - note.length) + note;
}

export function invocationResult(
  command: Command,
  invocation: Invocation,
): Record<string, unknown> {
  const { instanceId, status, statusDetails, startedAtMs, endedAtMs, result } = invocation;
  const iso = (ms: number | undefined): string =>
    ms === undefined ? '' : new Date(ms).toISOString();
  const elapsed =
    startedAtMs === undefined || endedAtMs === undefined
      ? ''
      : `PT${((endedAtMs - startedAtMs) / 1000).toFixed(3)}S`;
  return {
    CommandId: command.commandId,
    InstanceId: instanceId,
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    PluginName: PLUGIN,
    ResponseCode: result?.responseCode ?? -1,
    ExecutionStartDateTime: iso(startedAtMs),
    ExecutionElapsedTime: elapsed,
    ExecutionEndDateTime: iso(endedAtMs),
    Status: status,
    StatusDetails: statusDetails,
    StandardOutputContent: result?.stdout ?? '',
    StandardOutputUrl: '',
    StandardErrorContent: result?.stderr ?? '',
    StandardErrorUrl: '',
    CloudWatchOutputConfig: NO_CONFIGURATION.CloudWatchOutputConfig,
  };
}

/** Until when it may be delivered, and then run. */
function expiryMs({ timeoutS, script }: Command): number {
  return (timeoutS + script.executionTimeoutS) * 1000;
}
