const KEY = 'hangup.token';
const GIVEN = /^#token=([^&]+)$/;

/** Who is signed in, for as long as the tab lives. */
export class Session {
  /** Why a token is asked for, where there was one. */
  notice = '';

  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) {}

  get token(): string | undefined {
    return this.storage.getItem(KEY) ?? undefined;
  }

  /** The subject of the token, as it says itself: for people to read, and nothing rests on it. */
  get subject(): string {
    return subjectOf(this.token ?? '');
  }

  /** Would this token make somebody else of whoever is signed in? */
  isOfAnother(token: string): boolean {
    if (this.token === undefined || this.token === token) return false;
    return this.subject === '' || this.subject !== subjectOf(token);
  }

  begin(token: string): void {
    this.notice = '';
    this.storage.setItem(KEY, token);
  }

  end(notice = ''): void {
    this.notice = notice;
    this.storage.removeItem(KEY);
  }
}

/** The token in the fragment of a link that was printed at start. As it stands there: no token has anything that would be escaped. */
export function tokenIn(fragment: string): string | undefined {
  return GIVEN.exec(fragment)?.[1];
}

/** The subject of a token, as it says itself; empty where it cannot be read. */
export function subjectOf(token: string): string {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown };
    return typeof sub === 'string' ? sub : '';
  } catch {
    return '';
  }
}
