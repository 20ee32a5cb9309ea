import type { Problem } from '../../control/config/problem.ts';
import type { Place } from '../../control/config/yaml-document.ts';
import { type KindName, kindsByName } from '../../events/kinds.ts';
import { nearest } from '../../model/nearest.ts';
import { dayMs, minuteMs } from '../../model/time.ts';
import { findZone } from '../../model/zones.ts';
import type { CheckedFile } from '../../plans/checked-file.ts';
import { draftProblems, makeDraft } from '../../plans/make-draft.ts';
import { type Section, toSettings } from '../../plans/organizations-file.ts';
import type { ReadRule } from '../../plans/rule-file.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import { dayOf, instantOf, instantWish, type TestTime } from './event-fields.ts';
import { type Expectation, readExpectation } from './expectation.ts';
import { readBeats, SeriesProblem } from './series.ts';
import { type Path, type SchemaOf, type Story, StoryProblem, StoryTeller, testOrg } from './story.ts';
import { tellFlights, tellSeries } from './tell-campaign.ts';
import { checkTestFile, type EventText, type RuleTestText, type TestFileText } from './test-file.ts';

/** A rule test, ready to run. */
export interface RuleTest {
  readonly name: string;
  /** Where it stands. */
  readonly place: Place;
  /** Ids of the rules in force. */
  readonly rules: readonly string[];
  readonly story: Story;
  readonly time: TestTime;
  readonly expectations: readonly Expectation[];
  placeOf(path: Path): Place;
}

export interface ReadTests {
  readonly file: string;
  /** Empty when there are problems. */
  readonly tests: readonly RuleTest[];
  /** Ids that the file says it tests. */
  readonly rules: readonly string[];
  readonly problems: readonly Problem[];
}

/** Beyond this a test takes longer than anybody waits: time passes in minutes. */
const lengthMaxMs = 400 * dayMs;

/** Reads a file of rule tests. `rules` are those of its directory. */
export function readTests(file: string, content: string, rules: readonly ReadRule[], schemaOf: SchemaOf): ReadTests {
  const checked = checkTestFile(file, content);
  if (checked.value === undefined) return { file, tests: [], rules: [], problems: checked.problems };
  const { value } = checked;
  const problems = value.rules.flatMap((id, index) => unknownRule(id, rules, checked.placeOf(['rules', index])));
  const tested = rules.filter(({ rule }) => value.rules.includes(rule.id));
  const tests: RuleTest[] = [];
  if (problems.length === 0)
    value.tests.forEach((text, index) => {
      const reader = new TestReader({ checked, file: value, text, index, rules: tested, schemaOf });
      const test = reader.read();
      problems.push(...reader.problems);
      if (test !== null) tests.push(test);
    });
  return { file, tests: problems.length > 0 ? [] : tests, rules: value.rules, problems };
}

function unknownRule(id: string, rules: readonly ReadRule[], place: Place): Problem[] {
  const known = rules.map(({ rule }) => rule.id);
  if (known.includes(id)) return [];
  const near = nearest(id, known);
  const hint = near === undefined ? `known: ${known.join(', ') || 'none'}` : `did you mean "${near}"?`;
  return [{ ...place, message: `there is no rule "${id}" beside these tests; ${hint}` }];
}

interface TestParts {
  readonly checked: CheckedFile<TestFileText>;
  readonly file: TestFileText;
  readonly text: RuleTestText;
  readonly index: number;
  readonly rules: readonly ReadRule[];
  readonly schemaOf: SchemaOf;
}

class TestReader {
  readonly problems: Problem[] = [];
  readonly #parts: TestParts;

  constructor(parts: TestParts) {
    this.#parts = parts;
  }

  /** Null when there are problems. */
  read(): RuleTest | null {
    const { text, rules } = this.#parts;
    const draft = this.#draft();
    const time = this.#time(draft.defaults.zone);
    const expectations = text.expect.flatMap((each, index) => {
      const path = ['expect', index];
      const expectation = this.#attempt(path, () => readExpectation(each, path, { rules, time }));
      return expectation === null ? [] : [expectation];
    });
    // Whatever is wrong so far, the rest is looked at too.
    const endMs = Math.max(time.startMs, ...expectations.map(({ to }) => to));
    if (endMs - time.startMs > lengthMaxMs) {
      this.#say(['expect'], 'a test may be 400 days long');
      return null;
    }
    const story = this.#attempt([], () => this.#tell(draft, time, endMs));
    if (story === null || this.problems.length > 0) return null;
    const placeOf = (path: Path) => this.#place(path);
    return {
      name: text.name,
      place: placeOf(['name']),
      rules: rules.map(({ rule }) => rule.id),
      story,
      time,
      expectations,
      placeOf,
    };
  }

  #draft(): PlanDraft {
    const { file, text, rules, index, checked } = this.#parts;
    const draft = makeDraft(
      toSettings(testOrg, withSources(file.settings ?? {}, text.settings ?? {}), text.settings ?? {}),
      rules,
    );
    const root = text.settings === undefined ? ['settings'] : ['tests', index, 'settings'];
    for (const problem of draftProblems(draft, (path) => checked.placeOf([...root, ...path])))
      this.problems.push({ ...problem, message: problem.message.replace(`${testOrg}: `, '') });
    return draft;
  }

  #time(zoneName: string): TestTime {
    const { start = '2026-03-02' } = this.#parts.text;
    // The plan was checked: there is such a zone.
    const zone = findZone(zoneName);
    const day = dayOf(start);
    if (zone === null || day === null) {
      this.#say(['start'], `"${start}": must be a day like 2026-03-02`);
      return { startMs: 0, zone: findZone('UTC') as TestTime['zone'] };
    }
    return { startMs: zone.dayStart(day), zone };
  }

  #tell(draft: PlanDraft, time: TestTime, endMs: number): Story {
    const { text, schemaOf } = this.#parts;
    const { spend, delivery_source } = draft.defaults;
    const source = spend.sources?.[0] ?? (spend.source || delivery_source || Object.keys(draft.sources)[0] || 'test');
    const defaults = { source, currency: text.currency, costBasis: spend.cost_basis };
    const teller = new StoryTeller(time, schemaOf, defaults);
    teller.plan({ ...draft, number: 1 });
    this.#tellHeartbeats(teller, draft, time, endMs);
    const stage = { teller, time, schemaOf, draft, endMs };
    for (const campaign of campaignsOf(this.#parts.text)) {
      this.#attempt(campaign.path, () => tellFlights(campaign, stage));
      this.#attempt(campaign.path, () => tellSeries(campaign, stage));
    }
    this.#tellEvents(teller, time);
    return teller.end(endMs);
  }

  /** A source that declares how far it is complete is so all along, unless the test says when. */
  #tellHeartbeats(teller: StoryTeller, draft: PlanDraft, time: TestTime, endMs: number): void {
    const { heartbeats = {} } = this.#parts.text;
    for (const name of Object.keys(heartbeats))
      if (draft.sources[name]?.heartbeats !== true)
        this.#say(['heartbeats', name], `source "${name}" has no heartbeats: true in the settings`);
    for (const [source, { heartbeats: declares }] of Object.entries(draft.sources)) {
      if (!declares) continue;
      const path = ['heartbeats', source];
      const every = Math.ceil((endMs - time.startMs) / minuteMs);
      const beats = this.#attempt(path, () => readBeats(heartbeats[source] ?? `every 1m for ${every}m`)) ?? [];
      for (const at of [0, ...beats]) {
        const instant = time.startMs + at;
        teller.tell('source_heartbeat', instant, { source, complete_through: instant, count: 1 }, path);
      }
    }
  }

  #tellEvents(teller: StoryTeller, time: TestTime): void {
    for (const [index, event] of (this.#parts.text.events ?? []).entries())
      this.#tellEvent(event, ['events', index], teller, time);
  }

  #tellEvent({ at, type, campaign, ...fields }: EventText, path: Path, teller: StoryTeller, time: TestTime): void {
    const { text, schemaOf } = this.#parts;
    const instant = instantOf(at, time);
    if (instant === null || instant < time.startMs) this.#say([...path, 'at'], `"${at}": ${instantWish}`);
    const schema = schemaOf(type);
    if (schema === undefined) this.#say([...path, 'type'], `there is no event "${type}"; ${eventHint(type, schemaOf)}`);
    if (instant === null || schema === undefined) return;
    const isOfCampaign = schema.fields.some(({ name }) => name === 'campaign_id') && type !== 'source_heartbeat';
    const own = isOfCampaign ? { campaign_id: campaign ?? campaignsOf(text)[0]?.id } : {};
    this.#attempt(path, () => teller.tell(type as KindName, instant, { ...own, ...fields }, path));
  }

  /** What it gives, or null and a problem at its place. */
  #attempt<T>(path: Path, work: () => T): T | null {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof SeriesProblem) this.#say(path, cause.message, cause.at);
      else if (cause instanceof StoryProblem) this.#say(cause.path, cause.message, cause.inside);
      else throw cause;
      return null;
    }
  }

  #say(path: Path, message: string, inside = 0): void {
    const { checked, index } = this.#parts;
    const whole = ['tests', index, ...path];
    const place = inside > 0 ? checked.placeInside(whole, inside) : this.#place(path);
    this.problems.push({ ...place, message });
  }

  #place(path: Path): Place {
    return this.#parts.checked.placeOf(['tests', this.#parts.index, ...path]);
  }
}

function eventHint(type: string, schemaOf: SchemaOf): string {
  const known = kindsByName.map(([name]) => name as string).filter((name) => schemaOf(name) !== undefined);
  const near = nearest(type, known);
  return near === undefined ? `known: ${known.join(', ')}` : `did you mean "${near}"?`;
}

/** `flights` and `series` beside the name are those of a campaign c1. */
function campaignsOf({ campaigns = {}, flights, series }: RuleTestText) {
  const all = Object.entries(campaigns).map(([id, text]) => ({ id, text, path: ['campaigns', id] as Path }));
  if (flights === undefined && series === undefined && all.length > 0) return all;
  const own = { ...(flights && { flights }), ...(series && { series }) };
  return [{ id: 'c1', text: own, path: [] as Path }, ...all];
}

/** Where nobody names sources: one, of impressions, complete at once. */
function withSources(shared: Section, own: Section): Section {
  if (shared.sources !== undefined || own.sources !== undefined) return shared;
  const adserver = { heartbeats: false, delay: 0, expected_interval: 0, stale_after: 6 * 60 * minuteMs };
  const spend = shared.spend ?? { from: 'impressions' as const, source: 'adserver', cost_basis: 'MEDIA' as const };
  return { ...shared, spend, sources: { adserver } };
}
