import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SignJWT } from 'jose';
import { KeyServer } from '../../test/support/key-server.js';
import { loadConfig } from '../config/index.js';
import { TokenVerifier } from './token-verifier.js';

const REFUSED = { code: 'unauthorized', message: 'The token is not valid.' };
const UNAVAILABLE = { code: 'auth_unavailable' };

describe('a token signed by an identity provider', () => {
  let keys: KeyServer;
  let verifier: TokenVerifier;

  const warnings: unknown[] = [];
  const silent = (): void => undefined;

  beforeAll(async () => {
    Logger.overrideLogger({ log: silent, error: silent, warn: (line: unknown) => warnings.push(line) });
    keys = await KeyServer.start();
  });
  beforeEach(async () => {
    await keys.stop();
    await keys.listen();
    keys.fault = undefined;
    keys.requests = 0;
    warnings.length = 0;
    verifier = new TokenVerifier(loadConfig({ JWKS_URL: keys.url, JWT_SECRET: 'a secret that the key set overrules' }));
  });
  afterAll(() => keys.stop());

  it.each(['RS256', 'ES256'])('is verified with its published key: %s', async (alg) => {
    expect(await verifier.verify(await keys.sign(alg, { sub: 'ada', scope: 'hangup:admin' }))).toEqual({ id: 'ada', isAdmin: true });
  });

  it('costs one look at the key set, and not one for each token', async () => {
    for (const alg of ['RS256', 'ES256', 'RS256']) await verifier.verify(await keys.sign(alg, { sub: 'ada' }));
    expect(keys.requests).toBe(1);
  });

  it('is refused with a shared secret, also with the public key for one (algorithm confusion)', async () => {
    const secrets = [...(await keys.publicForms('RS256')), 'a secret that the key set overrules'];
    for (const secret of secrets) {
      const unsigned = new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'HS256', kid: 'RS256' }).setExpirationTime('1h');
      const forged = await unsigned.sign(new TextEncoder().encode(secret));
      await expect(verifier.verify(forged)).rejects.toMatchObject(REFUSED);
    }
  });

  it('is refused when the provider does not know its key, or another provider signed with a key of that name', async () => {
    const stranger = await KeyServer.start(['RS256', 'PS256']);
    await stranger.stop();
    await expect(verifier.verify(await stranger.sign('PS256', { sub: 'ada' }))).rejects.toMatchObject(REFUSED);
    await expect(verifier.verify(await stranger.sign('RS256', { sub: 'ada' }))).rejects.toMatchObject(REFUSED);
  });

  it('is refused without a subject', async () => {
    await expect(verifier.verify(await keys.sign('ES256', {}))).rejects.toMatchObject(REFUSED);
  });

  it('cannot be issued here', async () => {
    await expect(verifier.issue('ada')).rejects.toThrow('issued by the owner of the JWKS');
    expect(verifier.isSelfIssued).toBe(false);
  });

  it.each([
    ['an error', { status: 500, body: 'oops' }],
    ['a page that is no JSON', { status: 200, body: '<html>' }],
    ['JSON that is no key set', { status: 200, body: '{"keys": 1}' }],
  ])('is not the one to blame where the key server answers with %s, and is taken once that is over', async (_, fault) => {
    const token = await keys.sign('RS256', { sub: 'ada' });
    keys.fault = fault;
    await expect(verifier.verify(token)).rejects.toMatchObject(UNAVAILABLE);
    expect(warnings).toEqual([expect.objectContaining({ msg: '[Auth] The key server gave no keys, so tokens cannot be verified' })]);
    keys.fault = undefined;
    expect(await verifier.verify(token)).toMatchObject({ id: 'ada' });
  });

  it('is not the one to blame where nobody listens', async () => {
    await keys.stop();
    await expect(verifier.verify(await keys.sign('RS256', { sub: 'ada' }))).rejects.toMatchObject(UNAVAILABLE);
  });

  it('is verified with the keys at hand while the key server is down', async () => {
    await verifier.verify(await keys.sign('RS256', { sub: 'ada' }));
    await keys.stop();
    expect(await verifier.verify(await keys.sign('ES256', { sub: 'bob' }))).toMatchObject({ id: 'bob' });
  });
});
