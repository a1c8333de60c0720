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
    return claimsOf(this.token ?? '').sub ?? '';
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

/** The token in the fragment of a link that was printed at start. */
export function tokenIn(fragment: string): string | undefined {
  const found = GIVEN.exec(fragment)?.[1];
  return found === undefined ? undefined : decodeURIComponent(found);
}

function claimsOf(token: string): { readonly sub?: string } {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as { sub?: string };
  } catch {
    return {};
  }
}
