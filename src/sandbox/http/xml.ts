/**
 * XML as plain values: an object is a sequence of elements, a list repeats its element, a Date
 * is ISO-8601, `undefined` is left out, `null` is an empty element.
 */
export type XmlValue =
  | string
  | number
  | boolean
  | Date
  | null
  | undefined
  | readonly XmlValue[]
  | { readonly [element: string]: XmlValue };

/** Renders one element, without declaration. `namespace` becomes its `xmlns`. */
export function renderXml(name: string, value: XmlValue, namespace?: string): string {
  if (value === undefined) return '';
  if (isList(value)) return value.map((item) => renderXml(name, item, namespace)).join('');
  const attribute = namespace === undefined ? '' : ` xmlns="${escapeXml(namespace)}"`;
  const content = renderContent(value);
  return content === '' ? `<${name}${attribute}/>` : `<${name}${attribute}>${content}</${name}>`;
}

function renderContent(value: Exclude<XmlValue, undefined | readonly XmlValue[]>): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object') return escapeXml(String(value));
  return Object.entries(value)
    .map(([name, child]) => renderXml(name, child))
    .join('');
}

/** `Array.isArray` does not narrow readonly lists. */
function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#xD;',
};

/**
 * Text as XML 1.0 may hold it: markup escaped, and what no XML document may contain (control
 * characters, lone surrogates) replaced, as it could come from a client's own parameters.
 */
export function escapeXml(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/gu, '\ufffd')
    .replace(/[&<>"'\r]/g, (character) => ENTITIES[character] ?? character);
}
