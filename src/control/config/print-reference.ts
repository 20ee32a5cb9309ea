import type { SettingDescription } from './settings-schema.ts';

/** docs/config.md. */
export function configReference(settings: readonly SettingDescription[]): string {
  const rows = settings.map((setting) => {
    const cells = [`\`${setting.name}\``, typeCell(setting), defaultCell(setting), setting.reload, setting.doc];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `# Configuration

Printed from \`src/adapters/settings.ts\` by \`npm run docs\`; do not edit.

YAML 1.2. \`--config\` may be given several times: mappings merge, lists replace, later files win, flags win over files. Scalars may hold \`\${env:NAME}\`, \`\${env:NAME:-default}\` and \`\${file:path}\`; they are expanded after parsing, so a value can never add structure. Secrets may be written only as such references and are shown as \`***\`. A relative path starts at the directory of the file that names it.

A running engine reads its files again on SIGHUP, on \`POST /-/reload\` and when their checksum changes (looked at every 5 s). Settings marked *live* are taken at once; a changed *restart* setting is named in the log and waits. A file with a mistake changes nothing. No setting can change an answer: what decides answers travels in the log as plans (\`paceline apply\`).

| setting | type | default | reload | meaning |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function typeCell({ type, bounds, secret }: SettingDescription): string {
  return `${type}${bounds ? `, ${bounds}` : ''}${secret ? ', secret' : ''}`;
}

function defaultCell({ defaultValue, name }: SettingDescription): string {
  if (name === 'data_directory') return '`data` in the working directory';
  if (name.startsWith('plans.')) return `\`${String(defaultValue)}\` in the shipped config directory`;
  return `\`${JSON.stringify(defaultValue)}\``;
}

/** config/embedded.yaml: every setting with its default, to copy from. */
export function embeddedConfigFile(settings: readonly SettingDescription[]): string {
  const lines = [
    '# Every setting of the embedded engine with its default. Printed by "npm run docs"; copy what you',
    '# need into a file of your own, below a name of your choice, and give it with --config.',
  ];
  let section: readonly string[] = [];
  for (const { keys, doc, bounds, reload, defaultValue, path, secret } of settings) {
    const parents = keys.slice(0, -1);
    const shared = parents.findIndex((name, depth) => name !== section[depth]);
    if (shared !== -1) {
      lines.push('');
      for (const [depth, name] of parents.entries()) if (depth >= shared) lines.push(`${'  '.repeat(depth)}${name}:`);
    }
    section = parents;
    const indent = '  '.repeat(parents.length);
    lines.push(`${indent}# ${doc}${bounds ? ` ${bounds}.` : ''} (${reload})`);
    const isRelativePath = path === true || secret === true;
    lines.push(`${indent}${isRelativePath ? '# ' : ''}${keys.at(-1)}: ${JSON.stringify(defaultValue)}`);
  }
  return `${lines.join('\n')}\n`;
}
