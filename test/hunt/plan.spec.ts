import { describe, expect, it } from '@jest/globals';
import { planRun, type Step } from './plan.js';

const OPTIONS = { instances: 2, freezeOneIn: 20, killOneIn: 20 };

function plans(seed: number, count: number) {
  return Array.from({ length: count }, (_, index) => planRun(seed, index, OPTIONS));
}

describe('the plans of a hunt', () => {
  it('are the same for the same seed, and others for another one', () => {
    expect(plans(7, 50)).toEqual(plans(7, 50));
    expect(plans(7, 50)).not.toEqual(plans(8, 50));
    expect(new Set(plans(7, 50).map(({ tasks }) => tasks[0]?.id)).size).toBe(50);
  });

  it('take every kind of step', () => {
    const steps = new Set(plans(7, 1000).flatMap(({ steps }) => steps.map((step) => step.do)));
    const all: Step['do'][] = ['create', 'create-other', 'look', 'read', 'stranger', 'hang-up', 'freeze', 'kill'];
    expect(steps).toEqual(new Set([...all, 'cancel', 'cancel-list', 'cancel-many', 'cancel-project']));
  });

  it('have the clocks of clients go forward only', () => {
    for (const { steps } of plans(7, 200)) {
      for (const client of ['a', 'b']) {
        const times = steps.flatMap((step) => ('client' in step && step.client === client ? [step.issuedAt ?? 0] : []));
        expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      }
    }
  });
});
