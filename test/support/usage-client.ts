import type { UsageReport } from '../../src/usage/usage.dto.js';
import type { SocketClient } from '../../src/testing/index.js';
import { answerOf } from './task-client.js';

/** What somebody may see of usage. Throws where the answer is a problem. */
export async function usageOf(client: SocketClient, query = ''): Promise<UsageReport> {
  const answer = await answerOf(client.get(`/api/usage${query}`));
  if (answer.status !== 200) throw new Error(`No usage: ${answer.text}`);
  return answer.json<UsageReport>();
}
