/** As long as a person may take at the provider. */
export const oidcTripMs = 600_000;
