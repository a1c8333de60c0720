import { chapter101 } from './chapter-101.js';
import { chapter102 } from './chapter-102.js';
import { chapter103 } from './chapter-103.js';
import { chapter104 } from './chapter-104.js';
import { chapter105 } from './chapter-105.js';
import type { SampleBook } from './sample-book.js';

/** A beginner's Mandarin course written for this repository: five chapters of ten passages each. */
export const mandarinCourse: SampleBook = {
  id: 1,
  title: 'Willow Street Mandarin',
  language: 'zh',
  chapters: [chapter101, chapter102, chapter103, chapter104, chapter105],
};
