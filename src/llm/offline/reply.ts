import { JSON_HEADERS, type Exchange } from './exchange.js';
import type { ModelCall } from './model-call.js';
import type { ModelServerHooks, Reply } from './model-server-hooks.js';

/** Tells `onCall` of a call and gives its reply. The client is watched from the moment the hook has been told. */
export async function askForReply(exchange: Exchange, call: ModelCall, hooks: ModelServerHooks): Promise<Reply | undefined> {
  const asked = (async () => hooks.onCall?.(call, exchange.signal))();
  exchange.watch();
  return exchange.within(asked);
}

/** Sends a reply that is an answer of its own. False if there is none, so that the model is to answer. */
export function sendReply(exchange: Exchange, reply: Reply | undefined): boolean {
  if (!reply || 'text' in reply) return false;
  if ('reset' in reply) exchange.reset();
  else sendStatus(exchange, reply);
  return true;
}

function sendStatus(exchange: Exchange, { status, headers, body }: Extract<Reply, { status: number }>): void {
  exchange.head(status, { ...JSON_HEADERS, ...headers });
  exchange.finish(typeof body === 'string' ? body : JSON.stringify(body), status < 400 ? 'completed' : 'failed');
}
