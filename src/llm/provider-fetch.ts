import { Agent, EnvHttpProxyAgent, fetch as undiciFetch, type Dispatcher, type RequestInfo, type RequestInit } from 'undici';

/**
 * The connections to models. Node's own `fetch` (24.21) opens a new one, TLS and all, to a server whose call it has just cut, and finds out
 * there that nothing is left to be sent: a thousand calls that are cut knock a thousand times more.
 */
const dispatcher: Dispatcher = heedsProxies() ? new EnvHttpProxyAgent() : new Agent();

/** The `fetch` that clients of models use. Throws the reason of the signal that it is given, as soon as that aborts. */
export const providerFetch = ((input: RequestInfo, init?: RequestInit) =>
  undiciFetch(input, { ...init, dispatcher })) as unknown as typeof globalThis.fetch;

/** Where Node was told to heed the variables of a proxy, these connections do too. */
function heedsProxies(): boolean {
  return process.env.NODE_USE_ENV_PROXY === '1' || process.execArgv.includes('--use-env-proxy');
}
