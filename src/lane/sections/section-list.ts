import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert, EngineError } from '../../model/errors.ts';
import type { CarriedPart, Carrier, Section } from './section.ts';

/** Lists of (id, version, length, bytes), one behind the other, with a zero at the end. */
const endOfList = 0;
const idMax = 127;

/** Writes each section that has something to say, and with `all` what is only carried; `endSections` ends the list. */
export function writeSections<Of extends Carrier>(
  out: ByteWriter,
  sections: readonly Section<Of>[],
  of: Of,
  all: boolean,
): void {
  for (const section of sections) {
    const before = out.length;
    const start = beginPart(out, section);
    section.write(out, of, all);
    endPart(out, before, start);
  }
  if (all && of.carried !== null) for (const part of of.carried) writeCarried(out, part);
}

export function endSections(out: ByteWriter): void {
  out.count(endOfList);
}

/** Writes what stands before a part; the part follows, then `endPart`. */
export function beginPart(out: ByteWriter, { id, version }: { readonly id: number; readonly version: number }): number {
  out.count(id);
  out.count(version);
  return out.open();
}

/** `before` = the length of the writer before `beginPart`, `start` = what that returned; an empty part leaves no trace. */
export function endPart(out: ByteWriter, before: number, start: number): void {
  if (out.length === start) out.cut(before);
  else out.close(start);
}

/** Reads a list, by this release or another: what nobody knows is carried. */
export function readSections<Of extends Carrier>(
  from: ByteReader,
  known: ReadonlyMap<number, Section<Of>>,
  of: Of,
): void {
  for (let id = from.count(); id !== endOfList; id = from.count()) {
    const [version, length] = [from.count(), from.count()];
    const section = known.get(id);
    if (section === undefined) carry(of, { id, version, bytes: from.raw(length) });
    else readPart(from, section, version, length, () => section.read(from, version, of));
  }
}

export function skipSections(from: ByteReader): void {
  while (from.count() !== endOfList) {
    from.count();
    from.skip(from.count());
  }
}

/** Has a section read its part; refuses a newer version, and asserts that it reads all of it. */
export function readPart(
  from: ByteReader,
  section: { readonly name: string; readonly version: number },
  version: number,
  length: number,
  read: () => void,
): void {
  if (version > section.version) {
    const problem = `section "${section.name}" of the state has version ${version}, we know ${section.version}`;
    throw new EngineError('STATE_FORMAT', problem);
  }
  const end = from.position + length;
  read();
  assert(from.position === end, `section "${section.name}", version ${version}, is read to its end`);
}

export function carry(of: Carrier, part: CarriedPart): void {
  of.carried ??= [];
  of.carried.push(part);
}

function writeCarried(out: ByteWriter, { id, version, bytes }: CarriedPart): void {
  out.count(id);
  out.count(version);
  out.count(bytes.length);
  out.raw(bytes);
}

/** Sections by id; each has one of its own. */
export function byId<Each extends { readonly id: number; readonly name: string }>(
  sections: readonly Each[],
): ReadonlyMap<number, Each> {
  const known = new Map<number, Each>();
  for (const section of sections) {
    const { id, name } = section;
    assert(Number.isInteger(id) && id > endOfList && id <= idMax, `section "${name}" has an id from 1 to ${idMax}`);
    assert(!known.has(id), `sections "${name}" and "${known.get(id)?.name}" have an id each`);
    known.set(id, section);
  }
  return known;
}
