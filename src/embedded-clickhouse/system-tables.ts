/**
 * The tables of `system` that readers see: what clients ask for to describe a database, and how much is
 * stored. Others read threads, files, other people's queries or the network, and some never end
 * (`stack_trace` waits for threads that do not answer).
 */
export const readableSystemTables: ReadonlySet<string> = new Set([
  'aggregate_function_combinators',
  'asynchronous_metrics',
  'build_options',
  'codecs',
  'collations',
  'columns',
  'data_skipping_indices',
  'data_type_families',
  'databases',
  'disks',
  'events',
  'formats',
  'functions',
  'keywords',
  'licenses',
  'merges',
  'metrics',
  'mutations',
  'numbers',
  'numbers_mt',
  'one',
  'parts',
  'parts_columns',
  'settings',
  'table_engines',
  'table_functions',
  'tables',
  'time_zones',
  'zeros',
]);

/** Of these, what says nothing of other organizations: neither counts nor sizes. */
export const tenantSystemTables: ReadonlySet<string> = new Set([
  'aggregate_function_combinators',
  'collations',
  'data_type_families',
  'databases',
  'formats',
  'functions',
  'keywords',
  'numbers',
  'one',
  'settings',
  'table_engines',
  'table_functions',
  'time_zones',
]);
