import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CancelledError } from './errors.js';
import { HangupClient } from './hangup-client.js';

/** As a browser has it: it tells of half of the bytes, and answers or stands still. */
class BrowserRequest {
  static answers = true;
  static last: BrowserRequest | undefined;
  readonly upload: { onprogress?: (event: object) => void } = {};
  readonly headers: Record<string, string> = {};
  readonly status = 202;
  readonly responseText = JSON.stringify({ task_id: 'x', documents: [] });
  onload?: () => void;
  onabort?: () => void;
  isAborted = false;

  constructor() {
    BrowserRequest.last = this;
  }

  open(): void {
    // The address is the transport's business.
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getResponseHeader(name: string): string | null {
    return name === 'x-task-id' ? this.headers['x-task-id']! : 'application/json';
  }

  send(): void {
    this.upload.onprogress?.({ loaded: 1, total: 2 });
    if (BrowserRequest.answers) this.onload?.();
  }

  abort(): void {
    this.isAborted = true;
    this.onabort?.();
  }
}

const platform = globalThis as { XMLHttpRequest?: unknown };
const file = { name: 'a.pdf', bytes: new Uint8Array([1, 2]) };

describe('an upload in a browser', () => {
  const cancels: string[] = [];
  const fetch = (url: string) => {
    cancels.push(url);
    const text = () => Promise.resolve('{"status":"cancelled"}');
    return Promise.resolve({ ok: true, status: 200, headers: new Headers({ 'content-type': 'application/json' }), text });
  };
  const hangup = new HangupClient({ baseUrl: 'http://hangup.test', token: 'x', fetch });

  beforeEach(() => {
    platform.XMLHttpRequest = BrowserRequest;
    cancels.length = 0;
  });
  afterEach(() => {
    delete platform.XMLHttpRequest;
  });

  it('tells of bytes on their way', async () => {
    BrowserRequest.answers = true;
    const told: unknown[] = [];
    await hangup.documents.upload([file], { onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([{ loaded: 1, total: 2 }]);
    expect(BrowserRequest.last!.headers).toMatchObject({ authorization: 'Bearer x', 'x-issued-at': expect.stringMatching(/^\d+$/) });
    expect(cancels).toEqual([]);
  });

  it('is cut by its signal, and cancelled', async () => {
    BrowserRequest.answers = false;
    const page = new AbortController();
    const upload = hangup.documents.upload([file], { signal: page.signal, onProgress: () => page.abort() });
    await expect(upload).rejects.toBeInstanceOf(CancelledError);
    expect([BrowserRequest.last!.isAborted, cancels.length]).toEqual([true, 1]);
  });
});
