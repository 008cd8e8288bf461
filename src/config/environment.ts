// The one place that reads the environment.
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment as it is now: nothing else reads it. */
export const environment = (): Environment => process.env;
