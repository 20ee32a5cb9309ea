import { nearest } from '../model/nearest.ts';
import type { ScheduleWindow } from '../rules/schedule.ts';

/** Hours of a week as people write them: `mon-fri 08:00-20:00`, `sat,sun`, `22:00-06:00`. */

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const dayMinutes = 1_440;

/** What is wrong with such a text, and at which character. */
interface ScheduleMistake {
  readonly at: number;
  readonly message: string;
}

export function readHours(text: string): ScheduleWindow[] | ScheduleMistake {
  const words = [...text.matchAll(/\S+/g)];
  if (words.length === 0 || words.length > 2)
    return { at: 0, message: 'must be days, hours or both, such as mon-fri 08:00-20:00' };
  const hours = /^\d/.test(words[words.length - 1][0]) ? words.pop() : undefined;
  const [dayWord] = words;
  if (words.length > 1) return { at: words[1].index, message: 'must be hours, such as 08:00-20:00' };
  const days = dayWord === undefined ? dayNames.map((_, i) => i + 1) : readDays(dayWord[0], dayWord.index);
  if (!Array.isArray(days)) return days;
  if (hours === undefined) return [{ days, from: 0, to: dayMinutes }];
  return windowsOf(days, hours[0], hours.index);
}

function readDays(text: string, at: number): number[] | ScheduleMistake {
  const days = new Set<number>();
  let position = at;
  for (const part of text.split(',')) {
    const [first, last = first, ...rest] = part.split('-');
    for (const name of [first, last]) {
      if (dayNames.includes(name)) continue;
      const near = nearest(name, dayNames);
      const hint = near === undefined ? `days are ${dayNames.join(', ')}` : `did you mean "${near}"?`;
      return { at: position + part.indexOf(name), message: `unknown day "${name}"; ${hint}` };
    }
    if (rest.length > 0) return { at: position, message: 'must be a day or two, such as mon-fri' };
    const [from, to] = [dayNames.indexOf(first), dayNames.indexOf(last)];
    // From Saturday to Monday goes on beyond the end of the week.
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day + 1);
      if (day === to) break;
    }
    position += part.length + 1;
  }
  return [...days].sort((a, b) => a - b);
}

/** Hours that go on beyond midnight are two windows. */
function windowsOf(days: number[], text: string, at: number): ScheduleWindow[] | ScheduleMistake {
  const match = /^(\d\d?):(\d\d)-(\d\d?):(\d\d)$/.exec(text);
  if (match === null) return { at, message: 'must be hours, such as 08:00-20:00' };
  const [from, to] = [minuteOf(match[1], match[2]), minuteOf(match[3], match[4])];
  if (from === null || from === dayMinutes) return { at, message: 'must be an hour of the day, 00:00 to 24:00' };
  if (to === null) return { at: at + text.indexOf('-') + 1, message: 'must be an hour of the day, 00:00 to 24:00' };
  if (from === to) return { at, message: 'must end at another time than it begins' };
  if (from < to) return [{ days, from, to }];
  const next = days.map((day) => (day % 7) + 1).sort((a, b) => a - b);
  return [{ days, from, to: dayMinutes }, ...(to === 0 ? [] : [{ days: next, from: 0, to }])];
}

function minuteOf(hours: string, minutes: string): number | null {
  const minute = 60 * Number(hours) + Number(minutes);
  return Number(minutes) > 59 || minute > dayMinutes ? null : minute;
}
