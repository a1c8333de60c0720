import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { DomainError } from '../problems/index.js';
import { TokenVerifier } from './token-verifier.js';
import type { User } from './user.js';

const IS_PUBLIC = 'auth:public';

/** Lets a route be called without a token. */
export const Public = () => SetMetadata(IS_PUBLIC, true);

/** A request as the guard leaves it. */
export interface AuthenticatedRequest {
  readonly headers: { readonly authorization?: string };
  user?: User;
}

/** Every route needs a bearer token, unless it is marked `@Public()`. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: TokenVerifier,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.user = await this.tokens.verify(bearerOf(request));
    return true;
  }
}

function bearerOf({ headers }: AuthenticatedRequest): string {
  const [scheme, token] = (headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && token) return token;
  throw new DomainError('unauthorized', 'Send a token: Authorization: Bearer <JWT>.');
}
