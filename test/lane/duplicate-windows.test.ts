import { describe, expect, it } from 'vitest';
import { DuplicateWindows } from '../../src/lane/duplicate-windows.ts';
import { usualWindow } from '../../src/lane/plan-bounds.ts';
import { planZero } from '../../src/lane/plan-zero.ts';
import { defaultPlanOrg } from '../../src/model/ids.ts';
import { laneLimits } from '../../src/model/lane-limits.ts';
import { dayMs, minuteMs } from '../../src/model/time.ts';
import type { Plan } from '../../src/rules/plan.ts';

const usual = usualWindow(laneLimits);

function planWith(duplicate_window_ms: number): Plan {
  const { plan } = planZero;
  return { ...plan, defaults: { ...plan.defaults, duplicate_window_ms } };
}

describe('how long a lane remembers ids', () => {
  it('is the usual while nothing is planned', () => {
    expect(new DuplicateWindows(laneLimits).longest).toEqual(usual);
  });

  it('is what the most patient plan says, be it short', () => {
    const windows = new DuplicateWindows(laneLimits);
    windows.plan('a', planWith(5 * minuteMs));
    windows.plan('b', planWith(15 * minuteMs));
    windows.meet('a');
    expect(windows.longest.ms).toBe(15 * minuteMs);
    windows.plan('a', planWith(dayMs));
    expect(windows.longest.ms).toBe(dayMs);
    windows.plan('a', planWith(minuteMs));
    expect(windows.longest.ms).toBe(15 * minuteMs);
  });

  it('is the usual at least from the first record of an organization without a plan until it has one', () => {
    const windows = new DuplicateWindows(laneLimits);
    windows.plan('a', planWith(5 * minuteMs));
    windows.meet('b');
    expect(windows.longest).toEqual(usual);
    windows.plan('a', planWith(minuteMs));
    expect(windows.longest).toEqual(usual);
    windows.plan('b', planWith(2 * minuteMs));
    expect(windows.longest.ms).toBe(2 * minuteMs);
  });

  it('is what the default plan says for those that have none', () => {
    const windows = new DuplicateWindows(laneLimits);
    windows.plan(defaultPlanOrg, planWith(5 * minuteMs));
    windows.meet('b');
    expect(windows.longest.ms).toBe(5 * minuteMs);
  });

  it('comes back to the plans when whoever had none is forgotten and a plan says so', () => {
    const windows = new DuplicateWindows(laneLimits);
    windows.plan('a', planWith(5 * minuteMs));
    windows.meet('b');
    windows.forget('b');
    windows.plan('a', planWith(6 * minuteMs));
    expect(windows.longest.ms).toBe(6 * minuteMs);
  });
});
