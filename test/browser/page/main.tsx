import { StrictMode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { crowd } from './crowd.js';
import type { Button, Moment, Way } from './drive.js';
import { atMoment, comes, hangup, sentCancels } from './hangup.js';

const SOON_MS = 5;

function press(...buttons: readonly Button[]): void {
  for (const button of buttons) {
    const element = document.getElementById(button);
    if (!element) throw new Error(`There is no button ${button}.`);
    // What it changes is on the page before the next is pressed.
    flushSync(() => element.click());
  }
}

const textOf = (id: string): string => document.getElementById(id)?.textContent ?? '';

const LEAVE: Readonly<Record<Way, () => void>> = {
  stay: () => press('stop'),
  unmount: () => press('go-elsewhere'),
  route: () => press('stop', 'go-elsewhere'),
  navigation: () => {
    press('stop');
    location.assign('/elsewhere');
  },
  close: () => {
    press('stop');
    close();
  },
};

function leaveAt(moment: Moment, way: Way): void {
  atMoment(moment, LEAVE[way]);
  press('run');
  comes('in the same tick');
  setTimeout(() => comes('before the headers'), SOON_MS * Math.random());
}

globalThis.drive = {
  asked: {},
  renders: 0,
  heard: 0,
  tasks: [],
  complaints: [],
  get sentCancels() {
    return sentCancels();
  },
  runAgain: () => undefined,
  shown: () => ({ status: textOf('status'), text: textOf('shown'), error: textOf('error'), books: textOf('books') }),
  press,
  leaveAt: (moment, way) => void setTimeout(() => leaveAt(moment, way)),
  cancel: async (taskId) => (await hangup.tasks.cancel(taskId)).status,
  putResources: async () => (await hangup.resources.put('browser', [{ id: 'a', name: 'A' }])).count,
  upload: async (bytes) => {
    let loaded = 0;
    const file = new File([Uint8Array.from(bytes)], 'tea.pdf');
    const { task_id } = await hangup.documents.upload([file], { onProgress: (progress) => (loaded = progress.loaded) });
    return { taskId: task_id, loaded };
  },
  ...crowd,
};
addEventListener('error', ({ message }) => drive.complaints.push(message));
addEventListener('unhandledrejection', ({ reason }) => drive.complaints.push(String(reason)));
Object.assign(console, { error: (...said: unknown[]) => drive.complaints.push(said.join(' ')) });

const root = document.getElementById('root');
if (!root) throw new Error('There is no root.');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
