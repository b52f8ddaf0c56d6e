// What the session needs of KMS, named one by one: `import()` of the package would bring it all.
export { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
