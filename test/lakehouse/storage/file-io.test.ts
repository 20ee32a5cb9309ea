import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalFileIO, localUri } from '../../../src/lakehouse/storage/local-file-io.ts';
import { fileIoExam } from '../../exams/file-io-exam.ts';
import { MemoryIO } from '../format/memory-io.ts';

fileIoExam('a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paceline-files-'));
  const close = async () => rmSync(folder, { recursive: true });
  return { io: new LocalFileIO(), folder: localUri(folder), knowsItsOwn: false, close };
});

fileIoExam('memory, which tests use', async () => {
  return { io: new MemoryIO(), folder: 'file:///memory', knowsItsOwn: false, close: async () => {} };
});
