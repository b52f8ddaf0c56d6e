import type { QueryInput } from '../../http/query-input.ts';
import type { Call } from '../../http/service.ts';
import {
  NAME_RULE,
  Pager,
  readTagKeys,
  readTags,
  refuseTooManyTags,
  requestTagEntries,
  resourceTagEntries,
  tagElements,
} from './iam-operation.ts';
import type { IamContext, IamOperations } from './iam-operation.ts';

/** Tags of users and of roles. */
export function tagOperations({ directory, access }: IamContext): IamOperations {
  const pager = new Pager();
  const operations = (kind: 'User' | 'Role'): IamOperations => {
    const type = kind === 'User' ? 'user' : 'role';
    const tagsOf = (
      action: string,
      input: QueryInput,
      call: Call,
      context: Parameters<typeof access.require>[1]['context'] = {},
    ): Map<string, string> => {
      const name = input.requiredText(`${kind}Name`, NAME_RULE);
      input.check();
      const resource = directory.arnOf(type, name);
      const { users, roles } = directory.account;
      const present = [...users, ...roles].find(({ arn }) => arn === resource);
      access.require(call, {
        action: `iam:${action}`,
        resource,
        context: { ...resourceTagEntries(present?.tags ?? new Map()), ...context },
      });
      return directory[type](name).tags;
    };
    return {
      [`Tag${kind}`]: (input, call) => {
        const given = readTags(input);
        const tags = tagsOf(`Tag${kind}`, input, call, requestTagEntries(given));
        const merged = new Map(tags);
        for (const [key, value] of given) {
          // A key keeps the case it was first given in.
          const known = [...tags.keys()].find((each) => each.toLowerCase() === key.toLowerCase());
          merged.set(known ?? key, value);
        }
        refuseTooManyTags(merged);
        for (const [key, value] of merged) tags.set(key, value);
        return {};
      },
      [`Untag${kind}`]: (input, call) => {
        const keys = readTagKeys(input);
        const tags = tagsOf(`Untag${kind}`, input, call, { 'aws:TagKeys': keys });
        for (const key of keys) tags.delete(key);
        return {};
      },
      [`List${kind}Tags`]: (input, call) => {
        const page = pager.read(input);
        const tags = tagsOf(`List${kind}Tags`, input, call);
        const name = input.text(`${kind}Name`);
        const { items, rest } = pager.page([...tags], page, call, kind, name);
        return { Tags: tagElements(new Map(items)), ...rest };
      },
    };
  };
  return { ...operations('User'), ...operations('Role') };
}
