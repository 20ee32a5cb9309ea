import { basename, join } from 'node:path';
import { type Document, isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';
import { defaultPlanOrg } from '../../model/ids.ts';
import { canonicalJson } from '../../rules/compile-plan.ts';
import { compareItems, type ItemComparison } from './compare-items.ts';
import type { PlanItem } from './plan-items.ts';

/** A file that a pull would write. */
export interface PulledFile {
  readonly path: string;
  readonly text: string;
  readonly isNew: boolean;
}

export interface Pulled {
  readonly files: readonly PulledFile[];
  /** What no file can say; it stays in the database alone. */
  readonly kept: readonly string[];
}

export interface PullPlaces {
  readonly organizationsFile: string;
  readonly organizationsText: string;
  readonly rulesDirectory: string;
  /** Rule files by path, with their texts. */
  readonly ruleFiles: ReadonlyMap<string, string>;
}

/**
 * The files as they would read with what the database says. What is equal keeps its every byte; in a
 * file that changes, what is equal keeps its comments. Nothing is removed from files. Pure: the caller
 * writes.
 */
export function pullItems(
  files: readonly PlanItem[],
  rows: readonly PlanItem[],
  places: PullPlaces,
  isChosen: (compared: ItemComparison) => boolean,
): Pulled {
  const kept: string[] = [];
  const wanted = compareItems(files, rows).filter(
    (each) => (each.state === 'only_database' || each.state === 'differs') && isChosen(each),
  );
  const sound = wanted.filter(({ row }) => {
    if (row!.problem === null) return true;
    kept.push(row!.problem);
    return false;
  });
  const settings = sound.filter(({ kind }) => kind === 'settings').map(({ row }) => row!);
  const ruleIds = new Set(sound.filter(({ kind }) => kind === 'rule').map(({ id }) => id));
  const pulled = [...ruleIds].flatMap((id) => pullRule(id, rows, files, places, kept));
  return { files: [...pullSettings(settings, places), ...pulled], kept };
}

function pullSettings(items: readonly PlanItem[], places: PullPlaces): PulledFile[] {
  if (items.length === 0) return [];
  const merge = new Merge(places.organizationsText);
  for (const { orgId, text } of items)
    merge.take(orgId === defaultPlanOrg ? ['defaults'] : ['organizations', orgId], text);
  return [{ path: places.organizationsFile, text: merge.result(), isNew: false }];
}

/** One file for all organizations of a rule; null where their rows do not agree, which no file can say. */
function pullRule(
  id: string,
  rows: readonly PlanItem[],
  files: readonly PlanItem[],
  places: PullPlaces,
  kept: string[],
): PulledFile[] {
  const held = rows.filter((each) => each.kind === 'rule' && each.id === id && each.problem === null);
  const orgs = held.map(({ orgId }) => orgId).sort();
  const why = whyNotOneFile(held, orgs);
  if (why !== null) {
    kept.push(`rule "${id}": ${why}; it stays in the database alone`);
    return [];
  }
  const present = files.find((each) => each.kind === 'rule' && each.id === id)?.origin;
  const path = present ?? freeName(id, places);
  const before = present === undefined ? undefined : places.ruleFiles.get(present);
  const merge = new Merge(before ?? tidy(held[0].text));
  if (before !== undefined) merge.take([], held[0].text, ['organizations']);
  merge.setOrganizations(orgs.includes(defaultPlanOrg) ? null : orgs);
  return [{ path, text: merge.result(), isNew: present === undefined }];
}

function whyNotOneFile(held: readonly PlanItem[], orgs: readonly string[]): string | null {
  const [first] = held;
  if (held.some(({ value }) => 'rule_set' in (value as object))) return 'it belongs to another rule set';
  if (held.some(({ value }) => canonicalJson(value) !== canonicalJson(first.value)))
    return `${orgs.join(', ')} say different things`;
  if (orgs.length > 1 && orgs.includes(defaultPlanOrg)) return 'it is defined for everyone and for one organization';
  return null;
}

function freeName(id: string, { rulesDirectory, ruleFiles }: PullPlaces): string {
  // A colon is no good in file names everywhere, and a leading dot hides a file.
  const stem = id.replaceAll(':', '_').replace(/^\./, '_');
  const taken = new Set([...ruleFiles.keys()].map((path) => basename(path).toLowerCase()));
  for (let number = 1; ; number++) {
    const name = `${stem}${number === 1 ? '' : `-${number}`}.yaml`;
    if (!taken.has(name.toLowerCase())) return join(rulesDirectory, name);
  }
}

/** What a program wrote as JSON becomes what a person would write; YAML stays as it is. */
function tidy(text: string): string {
  if (!text.trimStart().startsWith('{')) return text;
  const rule = parseDocument(text, { version: '1.2' }).toJS() as Record<string, unknown>;
  const warning = inOrder(rule.warning, levelKeys);
  const critical = inOrder(rule.critical, levelKeys);
  return print(styled(inOrder({ ...rule, warning, critical }, ruleKeys)));
}

function inOrder(value: unknown, keys: readonly string[]): unknown {
  if (value === undefined) return undefined;
  const held = value as Record<string, unknown>;
  return Object.fromEntries(keys.filter((key) => held[key] !== undefined).map((key) => [key, held[key]]));
}

const levelKeys = ['when', 'clear', 'for'];
const ruleKeys = [
  'id',
  'name',
  'scope',
  'mode',
  'match',
  'guard',
  'warning',
  'critical',
  'keep_firing_for',
  'no_data',
  'on_error',
  'summary',
];

/** Conditions and sentences in single quotes, short maps on one line: as the shipped rules are written. */
function styled(value: unknown): Document {
  const document = parseDocument('', { version: '1.2' });
  document.contents = document.createNode(value) as never;
  const contents = document.contents as unknown;
  if (!isMap(contents)) return document;
  for (const { key, value: node } of contents.items) {
    if (isMap(node) && ['no_data', 'match'].includes(String(key))) node.flow = true;
    const quoted = isMap(node)
      ? node.items.filter((item) => ['when', 'clear'].includes(String(item.key))).map((item) => item.value)
      : [node];
    const isText = isMap(node) || ['guard', 'summary'].includes(String(key));
    for (const each of quoted) if (isText && isScalar(each)) each.type = 'QUOTE_SINGLE';
  }
  return document;
}

/**
 * A text that takes over values of others, by patches: scalars where only they change, a section where
 * its keys come and go, lines where a section is new. Every other byte stays. Where a patched text
 * would not say what it should, the whole document is printed instead, comments and all.
 */
class Merge {
  readonly #before: string;
  readonly #document: Document;
  #patches: Patch[] | null = [];

  constructor(before: string) {
    this.#before = before;
    this.#document = parseDocument(before, { version: '1.2' });
  }

  /** Puts what `text` says at `path`; `untouched` keys stay as they are. */
  take(path: readonly string[], text: string, untouched: readonly string[] = []): void {
    const source = parseDocument(text, { version: '1.2' });
    const held = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    if (isMap(held) && isMap(source.contents)) {
      const scalars: Patch[] = [];
      if (this.#mergeMap(held, source.contents, text, untouched, scalars))
        for (const { start, end, text: value } of scalars) this.#patch(start, end, value);
      else this.#patchNode(held);
      return;
    }
    const isJson = text.trimStart().startsWith('{');
    const section = isJson ? this.#document.createNode(source.toJS()) : source.contents;
    this.#insert(path, isMap(section) ? section : null);
  }

  /** Null = the rule holds for everyone. */
  setOrganizations(orgs: readonly string[] | null): void {
    const held = (this.#document.toJS() as { organizations?: string[] }).organizations;
    if (canonicalJson(held?.toSorted() ?? null) === canonicalJson(orgs)) return;
    this.#patches = null;
    if (orgs === null) this.#document.delete('organizations');
    else this.#document.set('organizations', this.#document.createNode(orgs, { flow: true }));
  }

  result(): string {
    if (this.#patches === null) return print(this.#document);
    let text = this.#before;
    for (const { start, end, text: value } of this.#patches.toSorted((a, b) => b.start - a.start))
      text = text.slice(0, start) + value + text.slice(end);
    // A value that reads otherwise between other brackets is printed, not patched.
    const isSame = plain(parseDocument(text, { version: '1.2' }).contents) === plain(this.#document.contents);
    return isSame ? text : print(this.#document);
  }

  /** Collects patches of scalars; false when keys come or go or change their kind. */
  #mergeMap(held: YAMLMap, wanted: YAMLMap, source: string, untouched: readonly string[], scalars: Patch[]): boolean {
    let isScalarsOnly = true;
    for (const name of held.items.map(({ key }) => String(key))) {
      if (wanted.has(name) || untouched.includes(name)) continue;
      isScalarsOnly = false;
      held.delete(name);
    }
    for (const { key, value } of wanted.items) {
      const name = String(key);
      const present = held.get(name, true) as unknown;
      if (plain(present) === plain(value)) continue;
      if (isMap(present) && isMap(value)) {
        if (!this.#mergeMap(present, value, source, [], scalars)) isScalarsOnly = false;
      } else if (isScalar(present) && isScalar(value) && present.range && value.range) {
        present.value = value.value;
        const text = source.slice(value.range[0], value.range[1]);
        scalars.push({ start: present.range[0], end: present.range[1], text });
      } else {
        isScalarsOnly = false;
        held.set(name, value);
      }
    }
    return isScalarsOnly;
  }

  /** Prints a section anew, in its place. */
  #patchNode(node: YAMLMap): void {
    if (!node.range) {
      this.#patches = null;
      return;
    }
    const [start, end] = node.range;
    const column = start - (this.#before.lastIndexOf('\n', start - 1) + 1);
    this.#patch(start, start + this.#before.slice(start, end).trimEnd().length, printNode(node, column).trimStart());
  }

  /** Adds a section that the text does not have; null = one without a word. */
  #insert(path: readonly string[], section: YAMLMap | null): void {
    const around = path.slice(0, -1);
    const map = path.length > 1 ? this.#document.getIn(around, true) : null;
    const range = isMap(map) ? map.range : null;
    if (!isMap(map) || !range || (map.flow && map.items.length > 0)) this.#patches = null;
    else {
      const [start, end] = range;
      const indent = map.flow ? 2 : start - (this.#before.lastIndexOf('\n', start - 1) + 1);
      const key = JSON.stringify(path.at(-1)).replace(/^"([A-Za-z][A-Za-z0-9_.-]*)"$/, '$1');
      const body = section === null ? '' : `\n${printNode(section, indent + 2)}`;
      const lines = `\n${' '.repeat(indent)}${key}:${body}`;
      const last = start + this.#before.slice(start, end).trimEnd().length;
      if (map.flow) this.#patch(this.#before.slice(0, start).trimEnd().length, end, lines);
      else this.#patch(last, last, lines);
    }
    if (around.length > 0 && !isMap(map)) this.#document.setIn(around, this.#document.createNode({}));
    this.#document.setIn(path, section);
  }

  /** Patches of one place follow each other. */
  #patch(start: number, end: number, text: string): void {
    const same = this.#patches?.find((each) => each.start === start && each.end === end);
    if (same === undefined) this.#patches?.push({ start, end, text });
    else same.text += text;
  }
}

interface Patch {
  readonly start: number;
  readonly end: number;
  text: string;
}

/** A section as lines that begin at a column. */
function printNode(node: YAMLMap, column: number): string {
  const document = parseDocument('', { version: '1.2' });
  document.contents = node.clone() as never;
  return print(document)
    .trimEnd()
    .replace(/^(?=.)/gm, ' '.repeat(column));
}

function plain(node: unknown): string {
  // Absent is not the same as an explicit null.
  if (node === undefined) return 'absent';
  return canonicalJson((node as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null);
}

function print(document: Document): string {
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}
