import { printGoals } from './harness/goals.js';
import { planMonth } from './savings/plan.js';
import { replay } from './savings/replay.js';
import { reportSavings } from './savings/report.js';

/**
 * `npm run bench:savings`: 100 users x 10 quizzes a week x 4 weeks, a tenth of them hung up on, through the real pipeline; once with
 * disconnect propagation and once without. What it costs is read from the token ledger.
 */
const plan = planMonth();
const stopped = await replay(plan, 'abort');
const ignored = await replay(plan, 'ignore');
printGoals(reportSavings(stopped, ignored));
