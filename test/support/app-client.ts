import { TokenVerifier } from '../../src/auth/index.js';
import { HangupClient, type HangupClientOptions } from '../../src/client/index.js';
import type { TestApp } from './test-app.js';

/** The client that apps are written with, for a user of a test app. */
export async function appClient(
  app: TestApp,
  options: Partial<HangupClientOptions> & { readonly user?: string } = {},
): Promise<HangupClient> {
  const { user = 'learner', ...over } = options;
  return new HangupClient({ baseUrl: app.url, token: await app.app.get(TokenVerifier).issue(user), ...over });
}
