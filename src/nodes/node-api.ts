import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Credentials } from '../aws/client-settings.ts';
import { createSsmClient } from '../aws/clients.ts';
import { serviceError, strangeAnswer } from '../aws/service-errors.ts';
import { DevaccessError, printable } from '../platform/errors.ts';

/** 100 000 items at 50 a page: an endpoint that goes on longer never ends. */
const MAX_PAGES = 2_000;
/** Calls of which there is one for each node. */
const AT_ONCE = 5;

export interface NodeAccess {
  credentials: Credentials;
  region: string;
  /** Whose endpoint settings count. */
  namedProfile: string | undefined;
}

/** What is wrong with one node or activation, for `--json`. */
export interface ItemError {
  code: string;
  message: string;
  next: string | null;
}

/** An error of a call as one that knows more than the service's code; undefined for others. */
type Explain = (error: Error) => DevaccessError | undefined;

/** The hybrid node calls of Systems Manager in one account and region. All reject with DevaccessError. */
export class NodeApi {
  readonly region: string;
  readonly #client: SSMClient;
  readonly #profile: string | undefined;

  private constructor(client: SSMClient, access: NodeAccess) {
    this.region = access.region;
    this.#client = client;
    this.#profile = access.namedProfile;
  }

  static async open(access: NodeAccess): Promise<NodeApi> {
    const { credentials, region, namedProfile: profile } = access;
    return new NodeApi(
      await createSsmClient({ credentials, region, profile, isPatient: true }),
      access,
    );
  }

  async call<Answer>(
    operation: string,
    send: (client: SSMClient) => Promise<Answer>,
    explain: Explain = () => undefined,
  ): Promise<Answer> {
    try {
      return await send(this.#client);
    } catch (error) {
      const explained = error instanceof Error ? explain(error) : undefined;
      throw explained ?? serviceError(error, this.#context(operation));
    }
  }

  /** The items of all pages. */
  async list<Page, Item extends object>(
    operation: string,
    paginate: (client: SSMClient) => AsyncIterable<Page>,
    itemsOf: (page: Page) => readonly Item[] | undefined,
  ): Promise<Item[]> {
    const items: Item[] = [];
    return this.call(operation, async (client) => {
      let pages = 0;
      for await (const page of paginate(client)) {
        pages += 1;
        if (pages > MAX_PAGES) throw this.strange(operation, `more than ${MAX_PAGES} pages`);
        items.push(...objects(itemsOf(page)));
      }
      return items;
    });
  }

  /** An answer that is none of Systems Manager. */
  strange(operation: string, detail?: string): DevaccessError {
    return strangeAnswer(this.#context(operation), detail);
  }

  close(): void {
    this.#client.destroy();
  }

  #context(operation: string) {
    return { service: 'SSM', operation, profile: this.#profile };
  }
}

/** Works on all items, a few at a time; results in their order. */
export async function forEach<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next[0]] = await work(next[1]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** The error of one item, where the others are told as well. */
export function itemError(error: unknown): ItemError {
  if (error instanceof DevaccessError) {
    return { code: error.code, message: error.message, next: error.next ?? null };
  }
  const message = printable(error instanceof Error ? error.message : String(error));
  return { code: 'DA_UNEXPECTED', message, next: null };
}

/** Text that says something: the SDK hands on the JSON of SSM with whatever types it came with. */
export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Tags as the service lists them. */
export function tagRecord(
  tags: readonly { Key?: unknown; Value?: unknown }[] | undefined,
): Record<string, string> {
  const pairs = objects(tags).map(({ Key, Value }) => [textOrNull(Key), textOrNull(Value) ?? '']);
  return Object.fromEntries(pairs.filter(([key]) => key !== null)) as Record<string, string>;
}

/** The SDK does not check that an answer has the form its types promise. */
function objects<Item extends object>(list: readonly Item[] | undefined): Item[] {
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  return items.filter((item): item is Item => typeof item === 'object' && item !== null);
}
