import { defineConfig } from 'vitest/config';
import { long, shared } from './vitest.config.ts';

/** The tests that take their time: `npm run test:long`. */
export default defineConfig({ test: { ...shared, include: [long] } });
