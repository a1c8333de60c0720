/** Who is asking: the `sub` of the token is the owner of what it makes. */
export interface User {
  readonly id: string;
  /** Holds the scope `hangup:admin`: sees what belongs to others. */
  readonly isAdmin: boolean;
}

export const ADMIN_SCOPE = 'hangup:admin';
