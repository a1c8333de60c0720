import { hangup } from './hangup.js';

const members = new Map<string, { readonly page: AbortController; isHeard: boolean }>();

async function listen(taskId: string): Promise<void> {
  const member = { page: new AbortController(), isHeard: false };
  members.set(taskId, member);
  const { signal } = member.page;
  try {
    for await (const { type } of hangup.chat.send(crypto.randomUUID(), { content: 'Hello' }, { signal, taskId }))
      if (type === 'text-delta') member.isHeard = true;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Streams that are open at the same time. */
export const crowd = {
  crowd: (count: number): readonly string[] => {
    const ids = Array.from({ length: count }, () => crypto.randomUUID());
    for (const id of ids) void listen(id);
    return ids;
  },
  isHeard: (taskId: string): boolean => members.get(taskId)?.isHeard === true,
  abort: (taskId: string): void => members.get(taskId)?.page.abort(),
};
