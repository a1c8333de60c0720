import type { Answer } from './answers.js';
import type { Fetch, FetchInit } from './transport.js';

/** The part of a browser's `XMLHttpRequest` that is used. */
interface UploadRequest {
  readonly upload: { onprogress: ((event: { readonly loaded: number; readonly total: number }) => void) | null };
  withCredentials: boolean;
  readonly status: number;
  readonly responseText: string;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  getResponseHeader(name: string): string | null;
  send(body: unknown): void;
  abort(): void;
}

type Tell = (progress: { readonly loaded: number; readonly total: number }) => void;

/** A `fetch` that tells of bytes as they leave, which the platform's own cannot; `undefined` where there is no `XMLHttpRequest`. */
export function uploadWithProgress(tell: Tell): Fetch | undefined {
  const { XMLHttpRequest } = globalThis as { XMLHttpRequest?: new () => UploadRequest };
  return XMLHttpRequest && ((url, init) => send(new XMLHttpRequest(), url, init, tell));
}

async function send(
  request: UploadRequest,
  url: string,
  { method, headers, body, signal, credentials }: FetchInit,
  tell: Tell,
): Promise<Answer> {
  const abort = (): void => request.abort();
  signal?.addEventListener('abort', abort);
  try {
    await new Promise<void>((resolve, reject) => {
      request.onload = () => resolve();
      request.onerror = () => reject(new TypeError('The upload broke off.'));
      request.onabort = () => reject(new TypeError('The upload was aborted.'));
      request.upload.onprogress = ({ loaded, total }) => tell({ loaded, total });
      request.open(method, url);
      request.withCredentials = credentials === 'include';
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.send(body);
    });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return toAnswer(request);
}

function toAnswer(request: UploadRequest): Answer {
  const { status, responseText } = request;
  const headers = { get: (name: string) => request.getResponseHeader(name) };
  return { ok: status >= 200 && status < 300, status, headers, text: () => Promise.resolve(responseText) };
}
