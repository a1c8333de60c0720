import { Child } from '../harness/child.js';
import type { Goal } from '../harness/goals.js';
import { sum } from '../harness/statistics.js';
import { number, printTable } from '../harness/table.js';
import { PipeliningClient } from './pipelining-client.js';
import type { Census, HeapServer } from './server.js';

const FIRST = 10_000;
const LAST = 100_000;
const MILESTONES = [FIRST, 50_000, LAST];
/** Connections of each kind in a batch, and requests in the pipeline of each: the second waits for its turn on the socket. */
const CLIENTS = 25;
const PIPELINED = 2;
const BATCH = 2 * CLIENTS * PIPELINED;
/** A listener that stays costs more than a hundred bytes, a signal several hundred. */
const FLAT_BYTES_PER_REQUEST = 16;

const FLAGS = ['--expose-gc', '--disable-warning=ExperimentalWarning'];

/**
 * What is left in the server after 10,000 requests that look at their signal, and after 100,000. In each batch half of the requests
 * wait at a door and are answered on connections that stay; the other half lose their client while they wait.
 */
export async function measureHeap(): Promise<Goal[]> {
  await using server = new Child<HeapServer>(new URL('./server.js', import.meta.url), { flags: FLAGS });
  const port = await server.call('start');
  const staying = await connectAll(port);
  const censuses: Census[] = [];
  let done = 0;
  for (const total of MILESTONES) {
    while (done < total) done = await runBatch(server, port, staying, done + BATCH);
    censuses.push(await server.call('census'));
  }
  for (const client of staying) client.hangUp('fin');
  return report(censuses);
}

function connectAll(port: number): Promise<PipeliningClient[]> {
  return Promise.all(Array.from({ length: CLIENTS }, () => PipeliningClient.connect(port)));
}

/** One batch, after which so many requests have been made since the start. */
async function runBatch(server: Child<HeapServer>, port: number, staying: readonly PipeliningClient[], total: number): Promise<number> {
  const leaving = await connectAll(port);
  for (const client of [...staying, ...leaving]) client.send(PIPELINED);
  await server.call('arrived', total);
  leaving.forEach((client, i) => client.hangUp(i % 2 === 0 ? 'fin' : 'reset'));
  await server.call('aborted', total / 2);
  const answered = Promise.all(staying.map((client) => client.answered(PIPELINED)));
  await server.call('open');
  await answered;
  return total;
}

const COUNTED: readonly (readonly [string, keyof Census])[] = [
  ['AbortSignals alive', 'signals'],
  ['AbortScopes alive', 'scopes'],
  ['sockets alive', 'sockets'],
  ['listeners on connections', 'listeners'],
  ['active handles', 'handles'],
  ['warnings of too many listeners', 'warnings'],
];

function report(censuses: readonly Census[]): Goal[] {
  const difference = (field: keyof Census): number => (censuses.at(-1)?.[field] ?? 0) - (censuses[0]?.[field] ?? 0);
  const perRequest = difference('heapBytes') / (LAST - FIRST);
  const megabytes = (bytes: number): string => number(bytes / 1e6, 3);
  const rows = COUNTED.map(([what, field]) => [what, ...censuses.map((each) => number(each[field])), number(difference(field))]);
  printTable(
    '3. What is left in the server after requests of which half were aborted mid-way',
    ['after a full collection', ...MILESTONES.map((milestone) => number(milestone)), 'difference'],
    [['heap used, MB', ...censuses.map(({ heapBytes }) => megabytes(heapBytes)), megabytes(difference('heapBytes'))], ...rows],
    [`${number(perRequest, 2)} bytes for each request from the first column to the last.`],
  );
  const left = sum(COUNTED.map(([, field]) => Math.max(0, difference(field))));
  return [
    {
      what: `3 heap from ${number(FIRST)} to ${number(LAST)} requests`,
      goal: `flat (< ${FLAT_BYTES_PER_REQUEST} bytes each)`,
      measured: `${number(perRequest, 2)} bytes each`,
      isMet: perRequest < FLAT_BYTES_PER_REQUEST,
    },
    { what: '3 signals, scopes, sockets, listeners, handles left over', goal: '0', measured: number(left), isMet: left === 0 },
  ];
}
