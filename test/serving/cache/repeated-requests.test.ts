import { expect, test } from 'vitest';
import { RepeatedRequests, RequestCalls } from '../../../src/serving/cache/repeated-requests.ts';

interface Asked {
  readonly name: string;
}

const one = { name: 'one' };
const two = { name: 'two' };

/** Operations that give what `answers` holds, and note that they were asked. */
function asking(answers: Record<string, Uint8Array | Error>) {
  const asked: string[] = [];
  const calls = new RequestCalls<Asked>(async ({ name }) => {
    asked.push(name);
    const answer = answers[name];
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { asked, calls };
}

test('what was made is given again as long as each operation gives the very same bytes, and each is asked every time', async () => {
  const requests = new RepeatedRequests<Asked, string>(10_000);
  const answers: Record<string, Uint8Array | Error> = { one: Buffer.from('1'), two: Buffer.from('2') };
  const first = asking(answers);
  expect(await requests.find('request', first.calls)).toBeNull();
  await Promise.all([first.calls.call(one), first.calls.call(two)]);
  requests.keep('request', first.calls, 'made', 4);

  const second = asking(answers);
  expect(await requests.find('request', second.calls)).toBe('made');
  expect(second.asked).toEqual(['one', 'two']);
  expect(await requests.find('another', asking(answers).calls)).toBeNull();

  // Equal bytes that are not the kept ones may be of other data by the time they are looked at.
  answers.two = Buffer.from('2');
  const third = asking(answers);
  expect(await requests.find('request', third.calls)).toBeNull();
  expect(await third.calls.call(two)).toBe(answers.two);
  expect(await third.calls.call(one)).toBe(answers.one);
  expect(third.asked, 'nothing is asked twice').toEqual(['one', 'two']);
});

test('a refusal is told to who asks, and nothing that was made before is given', async () => {
  const requests = new RepeatedRequests<Asked, string>(10_000);
  const answers: Record<string, Uint8Array | Error> = { one: Buffer.from('1') };
  const first = asking(answers);
  await first.calls.call(one);
  requests.keep('request', first.calls, 'made', 4);
  answers.one = new Error('no leave');
  const second = asking(answers);
  expect(await requests.find('request', second.calls)).toBeNull();
  await expect(second.calls.call(one)).rejects.toThrow('no leave');
  expect(second.asked).toEqual(['one']);
});

test('who asked for nothing was let in by nobody: nothing is kept; and what is kept is bounded', async () => {
  const requests = new RepeatedRequests<Asked, string>(3_000);
  requests.keep('empty', asking({}).calls, 'made', 4);
  expect(await requests.find('empty', asking({}).calls)).toBeNull();
  const answers = { one: Buffer.alloc(1_000) };
  for (const name of ['a', 'b', 'c']) {
    const { calls } = asking(answers);
    await calls.call(one);
    requests.keep(name, calls, name, 100);
  }
  expect(await requests.find('a', asking(answers).calls)).toBeNull();
  expect(await requests.find('c', asking(answers).calls)).toBe('c');
});
