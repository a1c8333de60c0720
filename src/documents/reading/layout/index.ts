export { layOutPage } from './page-layout.js';
export type { TextRun } from './text-run.js';
