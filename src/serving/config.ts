import * as z from 'zod';
import { accessSection, allowancesSection, answersSection } from './access/config.ts';

/** The API of `paceline serve`, and of `run` where it is switched on. */
export const servingSection = z
  .strictObject({
    access: accessSection,
    limits: allowancesSection,
    cache: answersSection,
  })
  .prefault({});
