import { HangupClient, type Fetch } from '../../../src/client/index.js';
import { LAST_WORD, type Moment } from './drive.js';

const { searchParams } = new URL(location.href);
const SENT = 'sent';

/** What is done at the moment that is waited for. */
let wanted: { readonly moment: Moment; readonly act: () => void } | undefined;

export function atMoment(moment: Moment, act: () => void): void {
  wanted = { moment, act };
}

/** A moment has come: what waits for it is done before anybody else hears of it. */
export function comes(moment: Moment): void {
  if (wanted?.moment !== moment) return;
  const { act } = wanted;
  wanted = undefined;
  act();
}

/** Cancels that have left. Written down, since a page that is left takes everything else with it. */
export const sentCancels = (): readonly string[] => JSON.parse(localStorage.getItem(SENT) ?? '[]') as string[];

const watched: Fetch = async (url, { signal, ...init }) => {
  const [, cancelled] = /\/api\/tasks\/([^/]+)\/cancel$/.exec(url) ?? [];
  if (cancelled !== undefined) localStorage.setItem(SENT, JSON.stringify([...sentCancels(), cancelled]));
  const { 'x-task-id': taskId } = init.headers;
  if (taskId !== undefined) drive.tasks.push(taskId);
  const answer = await fetch(url, { ...init, ...(!drive.asked.isUncut && { signal }) });
  if (taskId === undefined) return answer;
  drive.heard += 1;
  comes('before the first event');
  return answer;
};

export const hangup = new HangupClient({
  baseUrl: searchParams.get('api') ?? '',
  token: searchParams.get('token') ?? '',
  fetch: watched,
});

export function hear(text: string): void {
  drive.heard += 1;
  comes('in mid-stream');
  if (text.includes(LAST_WORD)) comes('at the last word');
}
