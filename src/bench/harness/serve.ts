/** What a child process can be asked for. Arguments and answers cross by structured clone. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Api = Record<string, (...args: any[]) => unknown>;

interface ToChild {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type FromChild =
  { readonly event: string; readonly payload: unknown } | { readonly id: number; readonly value?: unknown; readonly error?: string };

/** Answers the calls of the parent process, and ends with it: a benchmark that is interrupted leaves nobody behind. */
export function serve(api: Api, onLeave: () => Promise<void> | void = () => undefined): void {
  process.on('message', (message) => void answer(api, message as ToChild));
  process.once('disconnect', () => void leave(onLeave));
}

/** Tells the parent something unasked. */
export function tell(event: string, payload?: unknown): void {
  send({ event, payload });
}

async function answer(api: Api, { id, method, args }: ToChild): Promise<void> {
  try {
    send({ id, value: await api[method]?.(...args) });
  } catch (error) {
    send({ id, error: error instanceof Error ? String(error.stack) : String(error) });
  }
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

async function leave(onLeave: () => Promise<void> | void): Promise<void> {
  try {
    await onLeave();
  } finally {
    process.exit();
  }
}
