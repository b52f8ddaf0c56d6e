/** Names made from facts about a server: `{tag:Role}-{name}`. */

/** A fact, or with `key` the value of a tag. */
export type TemplateField = 'name' | 'id' | 'region' | 'fleet' | 'profile' | 'tag';

export type TemplatePart = { literal: string } | { field: TemplateField; key: string };

export const TEMPLATE_FORM =
  'text of letters, digits, dots, dashes and underscores with {name}, {id}, {region}, {fleet}, ' +
  '{profile} or {tag:KEY} in it';

const PART = /\{(name|id|region|fleet|profile)\}|\{tag:([^{}\p{C}]{1,128})\}|([A-Za-z0-9._-]+)/uy;
const MAX_LENGTH = 256;

/** Reads a template; undefined when it is none, or has no field in it. */
export function readTemplate(text: string): readonly TemplatePart[] | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const parts: TemplatePart[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (match === null) return undefined;
    const [, field, key, literal] = match;
    if (literal !== undefined) parts.push({ literal });
    else parts.push({ field: (field ?? 'tag') as TemplateField, key: key ?? '' });
  }
  return parts.some((part) => 'field' in part) ? parts : undefined;
}
