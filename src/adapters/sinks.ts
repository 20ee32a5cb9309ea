import { alertmanagerSection } from '../sinks/alertmanager/config.ts';

/** Sections of the sinks, by their names in the configuration. */
export const sinkSections = { alertmanager: alertmanagerSection };
