import { once } from 'node:events';
import type { Socket } from 'node:net';
import { hrtime } from 'node:process';
import { post, type RawPost } from '../harness/raw-post.js';
import { serve } from '../harness/serve.js';

const OPENED_AT_ONCE = 32;
const LAST_WORDS = 1000;

const sockets = new Set<Socket>();
/** The last that was heard of each stream that ended by itself. */
const broken: string[] = [];

async function open(request: RawPost): Promise<void> {
  const socket = await post(request);
  sockets.add(socket);
  socket.on('error', () => socket.destroy());
  let last = '';
  socket.on('data', (chunk: Buffer) => (last = chunk.toString('utf8')));
  socket.once('close', () => {
    if (sockets.delete(socket)) broken.push(last.slice(-LAST_WORDS));
  });
  const [head] = (await once(socket, 'data')) as [Buffer];
  const [status = ''] = head.toString('latin1').split('\r\n', 1);
  if (!/ 20[01] /.test(status)) throw new Error(`A stream was refused: ${head.toString('utf8')}`);
}

async function openAll(requests: Iterator<RawPost>): Promise<void> {
  for (let next = requests.next(); !next.done; next = requests.next()) await open(next.value);
}

/** The clients, in a process of their own. */
const api = {
  /** Resolves when each of the streams has begun. */
  async open(requests: readonly RawPost[]): Promise<void> {
    const rest = requests.values();
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, () => openAll(rest)));
  },
  /** All of them leave, in one turn. Returns when that began, on the machine's monotonic clock. */
  cut(): bigint {
    if (broken.length > 0) throw new Error(`${broken.length} streams ended before anybody hung up, the first with: ${broken[0] ?? ''}`);
    const leaving = [...sockets];
    sockets.clear();
    const at = hrtime.bigint();
    for (const socket of leaving) socket.destroy();
    return at;
  },
};
export type Crowd = typeof api;

serve(api);
