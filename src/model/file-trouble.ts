/** Why a file that a person named cannot be read, as a sentence that names it. */
export function fileTrouble(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `there is no ${path}`;
  if (code === 'ENOTDIR') return `there is no ${path}: a part of it is a file, not a folder`;
  if (code === 'EACCES' || code === 'EPERM') return `we may not read ${path}`;
  if (code === 'EISDIR') return `${path} is a folder, not a file`;
  if (code === 'ELOOP') return `${path} is a link that leads back to itself`;
  return `${path} cannot be read: ${message ?? String(error)}`;
}
