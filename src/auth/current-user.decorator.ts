import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../problems/index.js';
import type { AuthenticatedRequest } from './auth.guard.js';
import type { User } from './user.js';

/** The user that the guard found in the token. */
export const CurrentUser = createParamDecorator((_: unknown, context: ExecutionContext): User => {
  const { user } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!user) throw new DomainError('unauthorized', 'This route needs a token.');
  return user;
});
