import { SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../config/index.js';
import { DomainError } from '../problems/index.js';
import { TokenVerifier } from './token-verifier.js';

const SECRET = 'a secret for tests that is long enough';
const HOUR = 3600;
const now = (): number => Math.floor(Date.now() / 1000);

const verifier = new TokenVerifier(loadConfig({ JWT_SECRET: SECRET }));

interface Signing {
  readonly alg?: string;
  readonly secret?: string;
}

function sign(claims: JWTPayload, { alg = 'HS256', secret = SECRET }: Signing = {}): Promise<string> {
  return new SignJWT({ sub: 'ada', exp: now() + HOUR, ...claims }).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

/** What the caller is told, and with which code. */
async function refusalOf(token: string | Promise<string>): Promise<string> {
  const error = await verifier.verify(await token).catch((reason: unknown) => reason);
  if (!(error instanceof DomainError)) throw new Error(`not refused: ${String(error)}`);
  return `${error.code}: ${error.message}`;
}

describe('a token signed with the shared secret', () => {
  it('is its subject', async () => {
    expect(await verifier.verify(await sign({}))).toEqual({ id: 'ada', isAdmin: false });
  });

  it.each([
    ['hangup:admin', true],
    ['quizzes hangup:admin', true],
    ['hangup:administrator', false],
    ['', false],
    [['hangup:admin'], false],
  ])('with the scope %j is an admin: %s', async (scope, isAdmin) => {
    expect(await verifier.verify(await sign({ scope }))).toEqual({ id: 'ada', isAdmin });
  });

  it('is refused once it has expired, and says so', async () => {
    expect(await refusalOf(sign({ exp: now() - 60 }))).toBe('unauthorized: The token has expired.');
  });

  it('is still taken while clocks may differ', async () => {
    expect(await verifier.verify(await sign({ exp: now() - 2 }))).toMatchObject({ id: 'ada' });
  });

  it.each([
    ['without an expiry', { exp: undefined }],
    ['with an expiry that is no time', { exp: 'never' as unknown as number }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is no text', { sub: 42 as unknown as string }],
    ['with a subject that is a list', { sub: ['ada'] as unknown as string }],
    ['before it is valid', { nbf: now() + HOUR }],
  ])('is refused %s', async (_, claims) => {
    expect(await refusalOf(sign(claims))).toBe('unauthorized: The token is not valid.');
  });

  it.each([
    ['another secret', sign({}, { secret: 'another secret that is long enough too' })],
    ['another algorithm of the same family', sign({}, { alg: 'HS512', secret: SECRET.repeat(2) })],
    ['another algorithm and the right secret', sign({}, { alg: 'HS384' })],
    ['no signature at all', Promise.resolve(new UnsecuredJWT({ sub: 'ada', exp: now() + HOUR }).encode())],
  ])('is refused with %s', async (_, token) => {
    expect(await refusalOf(token)).toBe('unauthorized: The token is not valid.');
  });

  it.each(['', 'x', 'a.b.c', 'eyJhbGciOiJIUzI1NiJ9..', '💥.💥.💥'])('is refused when it is no token: %j', async (token) => {
    expect(await refusalOf(token)).toBe('unauthorized: The token is not valid.');
  });

  it('is refused when its payload was changed after signing', async () => {
    const [header, , signature] = (await sign({})).split('.');
    const payload = Buffer.from(JSON.stringify({ sub: 'eve', exp: now() + HOUR })).toString('base64url');
    expect(await refusalOf([header, payload, signature].join('.'))).toBe('unauthorized: The token is not valid.');
  });
});

describe('a token issued here', () => {
  it('is taken by the one that issued it, with its scope', async () => {
    const token = await verifier.issue('ada', { scope: 'hangup:admin' });
    expect(await verifier.verify(token)).toEqual({ id: 'ada', isAdmin: true });
    expect(verifier.isSelfIssued).toBe(false);
  });

  it('ends with its process where the secret was made at start', async () => {
    const [first, second] = [new TokenVerifier(loadConfig({})), new TokenVerifier(loadConfig({}))];
    const token = await first.issue('ada');
    expect(first.isSelfIssued).toBe(true);
    expect(await first.verify(token)).toMatchObject({ id: 'ada' });
    await expect(second.verify(token)).rejects.toMatchObject({ code: 'unauthorized' });
  });
});
