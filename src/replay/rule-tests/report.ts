import { formatProblem } from '../../control/config/problem.ts';
import type { Failure, TestResult, TimelineEntry } from './run-test.ts';

export interface FileResult {
  readonly file: string;
  readonly rules: readonly string[];
  readonly tests: readonly (TestResult & { readonly ms: number })[];
}

/** Lines for people: a line a file that passed, and of each test that failed what differs and what happened. */
export function testLines(files: readonly FileResult[]): { line: string; isBad: boolean }[] {
  return files.flatMap(({ file, tests }) => {
    const failed = tests.filter(({ failures }) => failures.length > 0);
    const passed = tests.length - failed.length;
    const head = passed === 0 ? [] : [{ line: `ok    ${file}  ${passed} passed`, isBad: false }];
    return [...head, ...failed.flatMap((test) => failedLines(test).map((line, at) => ({ line, isBad: at === 0 })))];
  });
}

function failedLines(test: TestResult): string[] {
  const told = test.timeline.filter(({ of }) =>
    test.failures.some((failure) => failure.of.split(' of ')[0] === of.split(' of ')[0]),
  );
  return [
    `FAIL  ${formatProblem({ ...test, message: test.name })}`,
    ...test.failures.map((failure) => `      ${formatProblem({ ...failure, message: failureText(failure) })}`),
    ...(told.length === 0
      ? ['      nothing happened to its alerts']
      : ['      what happened:', ...told.map((entry) => `        ${entryText(entry)}`)]),
  ];
}

function failureText({ at, of, what, got, wanted, since }: Failure): string {
  const when = since === null ? '' : ` (since ${sinceText(since)})`;
  return `at ${at} ${of}: ${what} is ${shown(got)}${when}, wanted ${shown(wanted)}`;
}

function entryText({ at, of, from, to, level, reason, values }: TimelineEntry): string {
  const all = Object.entries(values).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value * 100) / 100 : shown(value)}`,
  );
  return [
    sinceText(at).padEnd(9),
    `${from} → ${to}`.padEnd(21),
    level.padEnd(8),
    `${reason}, ${of}${all.length === 0 ? '' : `: ${all.join(', ')}`}`,
  ].join(' ');
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `26h03m12s`: as tests write instants. */
function sinceText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return (
    parts
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count}${unit}`)
      .join('') || '0h'
  );
}

/** JUnit XML: a suite a file, a case a test. */
export function junitText(files: readonly FileResult[]): string {
  const suites = files.map(({ file, tests }) => {
    const failed = tests.filter(({ failures }) => failures.length > 0).length;
    const cases = tests.map((test) => {
      const head = `    <testcase classname="${xml(file)}" name="${xml(test.name)}" file="${xml(test.file)}" line="${test.line}" time="${seconds(test.ms)}"`;
      if (test.failures.length === 0) return `${head}/>`;
      const [first] = test.failures;
      return `${head}>\n      <failure message="${xml(failureText(first))}">${xml(failedLines(test).join('\n'))}</failure>\n    </testcase>`;
    });
    const time = seconds(tests.reduce((sum, { ms }) => sum + ms, 0));
    return `  <testsuite name="${xml(file)}" tests="${tests.length}" failures="${failed}" time="${time}">\n${cases.join('\n')}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** Text in XML 1.0; what it cannot hold becomes a question mark. */
function xml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&apos;',
  };
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replaceAll(/[&<>"']/g, (character) => entities[character]);
}
