// What nodes need of the SDK, named one by one: `import()` of the package would bring it all.
export {
  CreateActivationCommand,
  DeleteActivationCommand,
  DeregisterManagedInstanceCommand,
  GetServiceSettingCommand,
  ListTagsForResourceCommand,
  paginateDescribeActivations,
  paginateDescribeInstanceInformation,
} from '@aws-sdk/client-ssm';
