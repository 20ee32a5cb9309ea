import type { Terminal } from '../src/cli/terminal.ts';
import type { BronzeResult } from './bronze.ts';
import type { CampaignResult } from './campaign.ts';
import type { DecodeResult } from './decode.ts';
import { describeMachine, isBusy } from './machine.ts';
import type { BenchLog } from './make-log.ts';
import type { NaiveResult } from './naive.ts';

/** Results of a call; null = not asked for. */
export interface Measured {
  readonly log: BenchLog;
  campaign: CampaignResult | null;
  profiled: CampaignResult | null;
  bronze: BronzeResult | null;
  decode: DecodeResult | null;
  naive: NaiveResult | null;
}

/** The one line for programs. A figure that was not measured is null. */
export interface Summary {
  readonly campaign_events_per_second: number | null;
  readonly engine_cpu_seconds_per_million: number | null;
  readonly chdb_cpu_seconds_per_million: number | null;
  readonly bronze_events_per_second: number | null;
  readonly decode_events_per_second: number | null;
  readonly engine_rss_mb: number | null;
}

/** "Per million" counts all records of the log: plans, ticks and heartbeats cost time as well, and are few. */
export function summarize({ campaign, bronze, decode }: Measured): Summary {
  return {
    campaign_events_per_second: campaign && Math.round(campaign.records / campaign.wallSeconds),
    engine_cpu_seconds_per_million: campaign && perMillion(campaign.engineCpuSeconds, campaign.records),
    chdb_cpu_seconds_per_million: campaign && perMillion(campaign.chdbCpuSeconds, campaign.records),
    bronze_events_per_second: bronze && Math.round(bronze.records / bronze.wallSeconds),
    decode_events_per_second: decode && Math.round(decode.records / decode.cpuSeconds),
    engine_rss_mb: campaign?.rssPeakMb ?? null,
  };
}

interface Target {
  readonly what: string;
  readonly name: keyof Summary;
  readonly bound: number;
  /** True: less is better. */
  readonly isMost: boolean;
}

const targets: readonly Target[] = [
  { what: 'campaign topology, events a second', name: 'campaign_events_per_second', bound: 300_000, isMost: false },
  { what: '  engine, CPU-s a million events', name: 'engine_cpu_seconds_per_million', bound: 2, isMost: true },
  { what: '  chdb child, CPU-s a million events', name: 'chdb_cpu_seconds_per_million', bound: 0.8, isMost: true },
  { what: '  engine, most memory, MiB', name: 'engine_rss_mb', bound: 700, isMost: true },
  { what: 'bronze alone, events a second', name: 'bronze_events_per_second', bound: 60_000, isMost: false },
  { what: 'decode alone, events a CPU-second', name: 'decode_events_per_second', bound: 3_000_000, isMost: false },
];

export function printReport(measured: Measured, terminal: Terminal, isHottest: boolean): void {
  const summary = summarize(measured);
  terminal.print(describeMachine());
  terminal.print();
  terminal.print(`${'figure'.padEnd(40)}${'measured'.padStart(12)}${'target'.padStart(14)}`);
  for (const { what, name, bound, isMost } of targets) {
    const value = summary[name];
    if (value === null) continue;
    const isMet = isMost ? value <= bound : value >= bound;
    const target = `${isMost ? '<=' : '>='} ${count(bound)}`;
    terminal.print(
      `${what.padEnd(40)}${count(value).padStart(12)}${target.padStart(14)}  ${isMet ? 'met' : 'NOT MET'}`,
    );
  }
  if (measured.campaign !== null) printRows(measured.campaign, terminal);
  if (measured.bronze !== null) printBronze(measured.bronze, terminal);
  if (measured.profiled !== null) printStages(measured.profiled, terminal, isHottest);
  if (measured.naive !== null) printNaive(measured, measured.naive, terminal);
  if (isBusy())
    terminal.note('\nThe machine was busy with other work: believe the CPU-seconds, not the rates by the clock.');
}

function printRows({ records, rows, threads, startCpuSeconds }: CampaignResult, terminal: Terminal): void {
  const list = Object.entries(rows).map(([name, rowCount]) => `${name} ${count(rowCount)}`);
  terminal.print(`\n${count(records)} records gave rows: ${list.join(', ')}.`);
  const byThread = Object.entries(threads).filter(([, seconds]) => seconds >= 0.1);
  terminal.print(`CPU-s by thread: ${byThread.map(([name, seconds]) => `${name} ${seconds.toFixed(1)}`).join(', ')}.`);
  terminal.print(`Starting took ${startCpuSeconds.toFixed(2)} CPU-s more, which no figure holds.`);
}

function printBronze({ records, cpuSeconds, files, bytes, rssPeakMb }: BronzeResult, terminal: Terminal): void {
  const size = (bytes / records).toFixed(1);
  terminal.print(
    `\nBronze: ${perMillion(cpuSeconds, records).toFixed(2)} CPU-s a million events, ${count(files)} files for ${count(records)} records, ${size} bytes a record, ${rssPeakMb} MiB.`,
  );
}

function printStages(profiled: CampaignResult, terminal: Terminal, isHottest: boolean): void {
  const { profile, records, engineCpuSeconds, mainThreadCpuSeconds } = profiled;
  if (profile === null) return;
  terminal.print('\nCPU-s a million events by stage (sampled in a second run)');
  const line = (stage: string, seconds: number): void =>
    terminal.print(`  ${stage.padEnd(16)}${perMillion(seconds, records).toFixed(3).padStart(8)}`);
  for (const [stage, share] of Object.entries(profile.stages)) line(stage, share * mainThreadCpuSeconds);
  line('other threads', engineCpuSeconds - mainThreadCpuSeconds);
  line('all', engineCpuSeconds);
  if (!isHottest) return;
  terminal.print('\nFunctions with the most time of their own');
  for (const { name, share } of profile.hottest) {
    terminal.print(`  ${perMillion(share * mainThreadCpuSeconds, records).toFixed(3)}  ${name}`);
  }
}

/** Stages of the engine that do what the naive stack does. */
const sharedStages = ['read', 'decode', 'check', 'days', 'flights', 'pace', 'garbage'];

function printNaive({ campaign, profiled }: Measured, naive: NaiveResult, terminal: Terminal): void {
  const naiveCost = perMillion(naive.cpuSeconds, naive.records);
  terminal.print(
    `\nNaive stack (avsc objects and Maps; PARTIAL: decode, duplicates, sums, OSI; no rules, commits, tables)`,
  );
  terminal.print(`  ${naiveCost.toFixed(2)} CPU-s a million events, ${naive.rssPeakMb} MiB`);
  if (campaign !== null) {
    const cost = perMillion(campaign.engineCpuSeconds, campaign.records);
    terminal.print(`  naive, part of the job : engine, the full job     ${(naiveCost / cost).toFixed(2)} : 1`);
  }
  if (profiled?.profile != null) {
    const { stages } = profiled.profile;
    const share = sharedStages.reduce((sum, stage) => sum + stages[stage], 0);
    const cost = perMillion(share * profiled.mainThreadCpuSeconds, profiled.records);
    terminal.print(`  naive, part of the job : engine, the same part    ${(naiveCost / cost).toFixed(2)} : 1`);
  }
}

function perMillion(seconds: number, records: number): number {
  return Number(((seconds * 1e6) / records).toFixed(3));
}

function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}
