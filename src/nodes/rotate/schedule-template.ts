import type { CommandDocument } from './command-document.ts';
import type { ScheduleTarget } from './schedule.ts';

export interface TemplateRequest {
  /** `association`: nodes fetch by State Manager; `eventbridge`: a rule runs the controller. */
  scheduler: 'association' | 'eventbridge';
  format: 'cloudformation' | 'terraform';
  document: CommandDocument;
  name: string;
  schedule: string;
  targets: readonly ScheduleTarget[];
  parameters: Readonly<Record<string, string>>;
  maxConcurrency: string;
  maxErrors: string;
  roleArn: string;
  /** Id, ARN or `alias/…`; undefined: the account's own for parameters, which needs no permission. */
  kmsKey: string | undefined;
  /** What the controller runs: `devaccess` and its arguments, quoted for a shell. */
  command: string;
}

/** The schedule as a template, in JSON; Terraform reads it as a `.tf.json` file. */
export function scheduleTemplate(request: TemplateRequest): string {
  const isTerraform = request.format === 'terraform';
  const make = {
    association: isTerraform ? terraformAssociation : cloudFormationAssociation,
    eventbridge: isTerraform ? terraformRule : cloudFormationRule,
  }[request.scheduler];
  const template = make(request);
  const value = isTerraform ? withoutTemplates(template) : template;
  return `${JSON.stringify(value, null, 2)}\n`;
}

function cloudFormationAssociation(request: TemplateRequest): object {
  const { document, name, schedule, targets, parameters, maxConcurrency, maxErrors } = request;
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `Nodes fetch the credentials ${name} (devaccess)`,
    Resources: {
      FetchDocument: {
        Type: 'AWS::SSM::Document',
        Properties: {
          Name: ownName(document, name),
          DocumentType: 'Command',
          DocumentFormat: 'JSON',
          TargetType: '/',
          UpdateMethod: 'NewVersion',
          Content: JSON.parse(document.content) as object,
        },
      },
      FetchAssociation: {
        Type: 'AWS::SSM::Association',
        Properties: {
          Name: { Ref: 'FetchDocument' },
          AssociationName: `devaccess-credentials-${name}`,
          ScheduleExpression: schedule,
          Targets: targets,
          Parameters: Object.fromEntries(
            Object.entries(parameters).map(([key, value]) => [key, [value]]),
          ),
          MaxConcurrency: maxConcurrency,
          MaxErrors: maxErrors,
          ComplianceSeverity: 'HIGH',
        },
      },
    },
  };
}

function terraformAssociation(request: TemplateRequest): object {
  const { document, name, schedule, targets, parameters, maxConcurrency, maxErrors } = request;
  return {
    resource: {
      aws_ssm_document: {
        devaccess_fetch: {
          name: ownName(document, name),
          document_type: 'Command',
          document_format: 'JSON',
          target_type: '/',
          content: document.content,
        },
      },
      aws_ssm_association: {
        devaccess_fetch: {
          name: reference('aws_ssm_document.devaccess_fetch.name'),
          association_name: `devaccess-credentials-${name}`,
          schedule_expression: schedule,
          targets: targets.map(({ Key, Values }) => ({ key: Key, values: Values })),
          parameters,
          max_concurrency: maxConcurrency,
          max_errors: maxErrors,
          compliance_severity: 'HIGH',
        },
      },
    },
  };
}

/** The document of a template belongs to it: `nodes rotate` and other templates have theirs. */
function ownName(document: CommandDocument, name: string): string {
  return `${document.name}-${name}`;
}

/** Where devaccess comes from is for who deploys the template to say: no registry is trusted with it. */
const INSTALL = {
  variable: 'DEVACCESS_INSTALL',
  description:
    'Shell command that puts devaccess on the path of the build machine, from a place of yours',
} as const;

function buildSpec({ command }: TemplateRequest): string {
  return JSON.stringify({
    version: 0.2,
    phases: {
      install: {
        'runtime-versions': { nodejs: 20 },
        commands: [`eval "$${INSTALL.variable}"`],
      },
      build: { commands: [command] },
    },
  });
}

type MakeArn = (service: 'ssm' | 'logs' | 'kms', rest: string) => unknown;

/** The least that the controller needs. @param arn an ARN of a service with what follows the account */
function controllerPolicy({ document, roleArn, kmsKey }: TemplateRequest, arn: MakeArn): object {
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roleArn },
      {
        Effect: 'Allow',
        Action: [
          'ssm:DescribeInstanceInformation',
          'ssm:ListCommandInvocations',
          'ssm:CancelCommand',
        ],
        Resource: '*',
      },
      {
        Effect: 'Allow',
        Action: ['ssm:PutParameter', 'ssm:DeleteParameters'],
        Resource: arn('ssm', 'parameter/devaccess/creds/*'),
      },
      {
        Effect: 'Allow',
        Action: [
          'ssm:SendCommand',
          'ssm:DescribeDocument',
          'ssm:GetDocument',
          'ssm:CreateDocument',
        ],
        Resource: arn('ssm', `document/${document.name}`),
      },
      { Effect: 'Allow', Action: 'ssm:SendCommand', Resource: arn('ssm', 'managed-instance/*') },
      ...(kmsKey === undefined ? [] : [keyStatement(kmsKey, arn)]),
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: arn('logs', 'log-group:/aws/codebuild/*'),
      },
    ],
  };
}

/** Encrypt for standard parameters, GenerateDataKey for advanced ones; by Systems Manager alone. */
function keyStatement(kmsKey: string, arn: MakeArn): object {
  const isAlias = kmsKey.startsWith('alias/');
  const key = kmsKey.startsWith('arn:') ? kmsKey : arn('kms', `key/${isAlias ? '*' : kmsKey}`);
  return {
    Effect: 'Allow',
    Action: ['kms:Encrypt', 'kms:GenerateDataKey'],
    Resource: key,
    Condition: {
      StringLike: { 'kms:ViaService': 'ssm.*.amazonaws.com*' },
      ...(isAlias ? { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': kmsKey } } : {}),
    },
  };
}

function trust(service: string): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  };
}

function cloudFormationRule(request: TemplateRequest): object {
  const { name, schedule } = request;
  const sub = (text: string): object => ({ 'Fn::Sub': text });
  const arn: MakeArn = (service, rest) =>
    sub(`arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${rest}`);
  const role = (service: string, policy: object): object => ({
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: trust(service),
      Policies: [{ PolicyName: 'devaccess', PolicyDocument: policy }],
    },
  });
  const projectArn = { 'Fn::GetAtt': ['Controller', 'Arn'] };
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `Rotates the credentials ${name} of nodes (devaccess)`,
    Parameters: { Install: { Type: 'String', MinLength: 1, Description: INSTALL.description } },
    Resources: {
      ControllerRole: role('codebuild.amazonaws.com', controllerPolicy(request, arn)),
      Controller: {
        Type: 'AWS::CodeBuild::Project',
        Properties: {
          ServiceRole: { 'Fn::GetAtt': ['ControllerRole', 'Arn'] },
          Artifacts: { Type: 'NO_ARTIFACTS' },
          ConcurrentBuildLimit: 1,
          TimeoutInMinutes: 60,
          Environment: {
            Type: 'LINUX_CONTAINER',
            ComputeType: 'BUILD_GENERAL1_SMALL',
            Image: 'aws/codebuild/standard:7.0',
            EnvironmentVariables: [{ Name: INSTALL.variable, Value: { Ref: 'Install' } }],
          },
          Source: { Type: 'NO_SOURCE', BuildSpec: buildSpec(request) },
        },
      },
      RuleRole: role('events.amazonaws.com', {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'codebuild:StartBuild', Resource: projectArn }],
      }),
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          ScheduleExpression: schedule,
          Targets: [
            { Id: 'controller', Arn: projectArn, RoleArn: { 'Fn::GetAtt': ['RuleRole', 'Arn'] } },
          ],
        },
      },
    },
  };
}

function terraformRule(request: TemplateRequest): object {
  const { name, schedule } = request;
  const [partition, region, account] = [
    'aws_partition.current.partition',
    'aws_region.current.name',
    'aws_caller_identity.current.account_id',
  ].map((path) => reference(`data.${path}`));
  const arn: MakeArn = (service, rest) =>
    `arn:${partition ?? ''}:${service}:${region ?? ''}:${account ?? ''}:${rest}`;
  const project = reference('aws_codebuild_project.devaccess.arn');
  const start = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'codebuild:StartBuild', Resource: project }],
  };
  const role = (part: string, service: string): object => ({
    name: `devaccess-${part}-${name}`,
    assume_role_policy: JSON.stringify(trust(service)),
  });
  const policy = (part: string, document: object): object => ({
    role: reference(`aws_iam_role.devaccess_${part}.id`),
    policy: JSON.stringify(document),
  });
  return {
    variable: { devaccess_install: { type: 'string', description: INSTALL.description } },
    data: {
      aws_partition: { current: {} },
      aws_region: { current: {} },
      aws_caller_identity: { current: {} },
    },
    resource: {
      aws_iam_role: {
        devaccess_controller: role('controller', 'codebuild.amazonaws.com'),
        devaccess_rule: role('rule', 'events.amazonaws.com'),
      },
      aws_iam_role_policy: {
        devaccess_controller: policy('controller', controllerPolicy(request, arn)),
        devaccess_rule: policy('rule', start),
      },
      aws_codebuild_project: {
        devaccess: {
          name: `devaccess-rotate-${name}`,
          service_role: reference('aws_iam_role.devaccess_controller.arn'),
          build_timeout: 60,
          concurrent_build_limit: 1,
          artifacts: { type: 'NO_ARTIFACTS' },
          environment: {
            type: 'LINUX_CONTAINER',
            compute_type: 'BUILD_GENERAL1_SMALL',
            image: 'aws/codebuild/standard:7.0',
            environment_variable: [
              { name: INSTALL.variable, value: reference('var.devaccess_install') },
            ],
          },
          source: { type: 'NO_SOURCE', buildspec: buildSpec(request) },
        },
      },
      aws_cloudwatch_event_rule: {
        devaccess: { name: `devaccess-rotate-${name}`, schedule_expression: schedule },
      },
      aws_cloudwatch_event_target: {
        devaccess: {
          rule: reference('aws_cloudwatch_event_rule.devaccess.name'),
          arn: project,
          role_arn: reference('aws_iam_role.devaccess_rule.arn'),
        },
      },
    },
  };
}

const [OPEN, CLOSE] = ['\u0000(', '\u0000)'];

/** A reference of Terraform, told apart from `${…}` of a shell until all of those are escaped. */
function reference(path: string): string {
  return `${OPEN}${path}${CLOSE}`;
}

/** Texts of Terraform are templates, in JSON, too: what is not meant as one is escaped. */
function withoutTemplates(value: unknown): unknown {
  if (typeof value === 'string') {
    return (
      value
        .replaceAll('${', () => '$${')
        .replaceAll('%{', '%%{')
        // Where a text is JSON itself, the mark is escaped in it.
        .replaceAll(/(?:\u0000|\\u0000)\(/g, '${')
        .replaceAll(/(?:\u0000|\\u0000)\)/g, '}')
    );
  }
  if (Array.isArray(value)) return value.map(withoutTemplates);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withoutTemplates(member)]),
  );
}
