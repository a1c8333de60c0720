import { Inject, Injectable, Logger } from '@nestjs/common';
import { createRemoteJWKSet, errors, jwtVerify, SignJWT, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { randomBytes } from 'node:crypto';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { DomainError } from '../problems/index.js';
import { ADMIN_SCOPE, type User } from './user.js';

const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const REQUIRED = ['sub', 'exp'];
const SECONDS_OF_CLOCK_SKEW = 5;

/**
 * Verifies bearer tokens: HS256 with the configured secret, or a JWKS with asymmetric algorithms only. `exp` and `sub` are
 * required. With neither configured (never in production) it makes a secret of its own and can issue tokens with it.
 */
@Injectable()
export class TokenVerifier {
  readonly #logger = new Logger('Auth');
  readonly #jwks?: JWTVerifyGetKey;
  readonly #secret?: Uint8Array;
  /** True if the secret was made at start, so that a ready-made token is worth printing. */
  readonly isSelfIssued: boolean;

  constructor(@Inject(APP_CONFIG) { auth }: AppConfig) {
    this.#jwks = auth.jwksUrl ? this.#remoteKeys(new URL(auth.jwksUrl)) : undefined;
    this.isSelfIssued = !auth.jwksUrl && !auth.secret;
    if (!this.#jwks) this.#secret = auth.secret ? new TextEncoder().encode(auth.secret) : randomBytes(32);
  }

  /**
   * The user of a token. Throws `DomainError('unauthorized')` saying what is wrong with it, or `auth_unavailable` where the key server
   * cannot be asked.
   */
  async verify(token: string): Promise<User> {
    const { sub, scope } = await this.#payload(token);
    if (typeof sub !== 'string' || sub === '') throw new DomainError('unauthorized', 'The token is not valid.');
    return { id: sub, isAdmin: typeof scope === 'string' && scope.split(' ').includes(ADMIN_SCOPE) };
  }

  /** A token for trying things out, signed with the HS256 secret. */
  async issue(subject: string, { scope, expiresIn = '30d' }: { scope?: string; expiresIn?: string } = {}): Promise<string> {
    if (!this.#secret) throw new Error('Tokens are issued by the owner of the JWKS, not here.');
    return await new SignJWT(scope ? { scope } : {})
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime(expiresIn)
      .sign(this.#secret);
  }

  async #payload(token: string): Promise<JWTPayload> {
    const options = { requiredClaims: REQUIRED, clockTolerance: SECONDS_OF_CLOCK_SKEW };
    try {
      if (this.#jwks) return (await jwtVerify(token, this.#jwks, { ...options, algorithms: ASYMMETRIC })).payload;
      return (await jwtVerify(token, this.#secret ?? new Uint8Array(), { ...options, algorithms: ['HS256'] })).payload;
    } catch (error) {
      throw toProblem(error);
    }
  }

  /** A bad token is the caller's fault; a key server that does not answer, or not with keys, is not. */
  #remoteKeys(url: URL): JWTVerifyGetKey {
    const keys = createRemoteJWKSet(url);
    return async (header, token) => {
      try {
        return await keys(header, token);
      } catch (error) {
        if (FAULTS_OF_THE_TOKEN.some((fault) => error instanceof fault)) throw error;
        this.#logger.warn({ err: error, msg: '[Auth] The key server gave no keys, so tokens cannot be verified' });
        throw new DomainError('auth_unavailable', 'Tokens cannot be verified at the moment. Try again soon.', {}, { cause: error });
      }
    };
  }
}

/** What `jose` says of a key set that has no key for a token. */
const FAULTS_OF_THE_TOKEN = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

function toProblem(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new DomainError('unauthorized', 'The token has expired.', {}, { cause: error });
  if (error instanceof errors.JOSEError) return new DomainError('unauthorized', 'The token is not valid.', {}, { cause: error });
  return error;
}
