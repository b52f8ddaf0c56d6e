export const FORMATS = ['json', 'cloudformation', 'terraform', 'cdk'] as const;

export type PolicyFormat = (typeof FORMATS)[number];
