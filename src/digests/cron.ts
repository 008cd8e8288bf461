// The one door of node-cron: what a cron expression says. Its timers are not used: when a digest is due stands in the ledger,
// and times of day that a change of the clocks skips or repeats are settled by `schedule.ts`.
import { createTask, parse, type ScheduledTask } from 'node-cron';
import { PosternError } from '../kernel/errors.ts';

export interface CronFields {
  /** Sorted. */
  minutes: readonly number[];
  hours: readonly number[];
  /** Whether it names that day of the calendar. @param month 1 is January */
  isDay(year: number, month: number, day: number): boolean;
}

/** @throws PosternError `cron_invalid` */
export function readCron(expression: string): CronFields {
  const fields = expression.trim().split(/\s+/);
  try {
    if (fields.length !== 5) throw new Error(`five fields are needed, and there are ${fields.length}`);
    const { minute, hour, month: months } = parse(expression);
    const days = daysOf(fields.slice(2));
    return {
      minutes: [...minute].sort((a, b) => a - b),
      hours: [...hour].sort((a, b) => a - b),
      // A calendar has no time zone: days are asked for as those of UTC, at midnight.
      isDay: (year, month, day) =>
        months.includes(month) && days.match(new Date(Date.UTC(year, month - 1, day))),
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PosternError('cron_invalid', `The schedule ${JSON.stringify(expression)} is invalid: ${why}.`);
  }
}

function daysOf(fields: readonly string[]): Pick<ScheduledTask, 'match'> {
  const task = createTask(`0 0 ${fields.join(' ')}`, () => undefined, { timezone: 'UTC' });
  void task.destroy(); // it was never started, and is not to be listed among those that run
  return task;
}
