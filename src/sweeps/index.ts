export { PeriodicSweep, type SweepWords } from './periodic-sweep.js';
