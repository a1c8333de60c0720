export { AuthModule } from './auth.module.js';
export { Public } from './auth.guard.js';
export { CurrentUser } from './current-user.decorator.js';
export { TokenVerifier } from './token-verifier.js';
export { ADMIN_SCOPE, type User } from './user.js';
